"""The nouns that travel between stages: small, frozen, and addresses rather than luggage (no pixels, no samples)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from medley.about import About, about_from_pairs
from medley.errors import MedleyError
from medley.plain import printable
from medley.tracks import Chapter, PictureTrack, SoundTrack, TextTrack

#: Open names: pipelines of other packages bring their own.
Flow = str
Branch = str
Modality = str
_Track = TypeVar("_Track")


def utc_now() -> str:
    """Returns the time of day as ISO 8601 in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def clock(seconds: float) -> str:
    """Formats a time within a file for people, to the tenth of a second: 75.3 is 1:15.3, 3675.0 is 1:01:15.0."""
    minutes, tenths = divmod(round(seconds * 10), 600)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{tenths / 10:04.1f}" if hours else f"{minutes}:{tenths / 10:04.1f}"


@dataclass(frozen=True, slots=True, weakref_slot=True)
class MediaInfo:
    """What the probe found in a container; of a PDF or a picture only what its first bytes say.

    `start_s` is the time stamp of the earliest stream that we keep: time 0 of everything we report. `duration_s` is how
    long its packets last. `tracks` are the sound tracks in the file's order, `audio_stream` the one of them that is
    heard; likewise `pictures`. Streams are ffmpeg's indices, None where there is no such stream. `hdr`: the picture has
    a transfer curve of high dynamic range (PQ or HLG) and wants tone mapping; `unsaid`: which of its colours'
    parameters (as ffmpeg names them) it does not tell; `alpha`: it is transparent in places. `video_s`: when the
    picture ends by the container's word, `whole_s` when all of it ends; 0.0 where it does not say. `stopped`: why
    reading its packets came to no good end, if so; `notes`: what is true of it and no fault; `about`: its title and the
    like; `probed`: by which version.
    """

    demuxer: str
    media_type: str
    start_s: float = 0.0
    duration_s: float = 0.0
    audio_stream: int | None = None
    video_stream: int | None = None
    width_px: int = 0
    height_px: int = 0
    hdr: bool = False
    video_s: float = 0.0
    whole_s: float = 0.0
    tracks: tuple[SoundTrack, ...] = ()
    alpha: bool = False
    unsaid: tuple[str, ...] = ()
    stopped: str = ""
    notes: tuple[str, ...] = ()
    about: About = ()
    texts: tuple[TextTrack, ...] = ()
    chapters: tuple[Chapter, ...] = ()
    pictures: tuple[PictureTrack, ...] = ()
    probed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "about", about_from_pairs(self.about))
        object.__setattr__(self, "texts", tuple(_restored(TextTrack, self.texts)))
        object.__setattr__(self, "chapters", tuple(_restored(Chapter, self.chapters)))
        object.__setattr__(self, "notes", tuple(self.notes))
        object.__setattr__(self, "unsaid", tuple(self.unsaid))
        object.__setattr__(self, "tracks", tuple(_restored(SoundTrack, self.tracks)))
        object.__setattr__(self, "pictures", tuple(_restored(PictureTrack, self.pictures)))

    @property
    def flow(self) -> Flow:
        """Which flow works on such files."""
        return flow_of(self.media_type)


def _restored(kind: type[_Track], found: Iterable[Any]) -> Iterator[_Track]:
    """The catalog's JSON gives dicts."""
    return (one if isinstance(one, kind) else kind(**one) for one in found)


#: Containers of sound and pictures whose media types do not say so.
TIMED = ("application/ogg", "application/mxf", "application/vnd.rn-realmedia")

_OFFICE, _OPEN = "application/vnd.openxmlformats-officedocument.", "application/vnd.oasis.opendocument."
#: Documents that are no PDFs.
DOCUMENTS = (
    *(
        f"{_OFFICE}{kind}"
        for kind in ("wordprocessingml.document", "presentationml.presentation", "spreadsheetml.sheet")
    ),
    *(f"{_OPEN}{kind}" for kind in ("text", "spreadsheet", "presentation", "text-template")),
    *("application/epub+zip", "message/rfc822"),
    *(f"text/{kind}" for kind in ("html", "markdown", "plain", "csv", "tab-separated-values")),
)


def flow_of(media_type: str) -> Flow:
    """Tells which of Medley's own pipelines reads files of an IANA media type; "" where none does."""
    if media_type == "application/pdf":
        return "pdf"
    if media_type.startswith("image/"):
        return "image"
    if media_type in DOCUMENTS:
        return "document"
    return "video" if media_type.startswith(("video/", "audio/")) or media_type in TIMED else ""


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Asset:
    """One input file, identified by the SHA-256 of its bytes; `path` is where this run saw it.

    `stamp` is what the file system said of the file when it was identified (see `medley.media.source.stamp_of`); empty
    for copies of ours. `url`: where machines get the file that do not see `path`; empty where all do.
    """

    asset_id: str
    path: str
    size_bytes: int
    media: MediaInfo
    stamp: str = ""
    url: str = ""

    def __post_init__(self) -> None:
        if len(self.asset_id) != 64 or not os.path.isabs(self.path):
            raise ValueError(f"not an asset: id {self.asset_id!r}, path {self.path!r}")

    @property
    def name(self) -> str:
        """The file's name, for people."""
        return printable(os.path.basename(self.path))


@dataclass(frozen=True, slots=True, weakref_slot=True)
class ArtifactRef:
    """Address of what a stage made of an asset.

    `skipped` says why nothing was made ("no audio stream"), `damage` how much of the file could not be decoded: then
    there is an artifact of the rest; `notes` what else there is to say of it, `about` what the file says of itself;
    `records` how many were written, by modality; `attached` the names of files in it. `error`: what is wrong with this
    asset of a batch; its neighbours go on.
    """

    asset: Asset
    stage: str
    fingerprint: str
    directory: str
    cached: bool = False
    skipped: str = ""
    started: str = ""
    seconds: float = 0.0
    attempts: int = 1
    damage: str = ""
    notes: tuple[str, ...] = ()
    about: About = ()
    attached: tuple[str, ...] = ()
    records: dict[str, int] = field(default_factory=dict)
    tokens: int = 0  #: that a model behind a server took and gave
    error: MedleyError | None = None

    @property
    def name(self) -> str:
        """The asset's file name, for people."""
        return self.asset.name


Part = Asset | ArtifactRef


class AssetBatch:
    """What a task works on: some assets, or what the stage before made of each; no dataclass: Prefect walks those."""

    __slots__ = ("__weakref__", "parts")

    def __init__(self, parts: Sequence[Part]) -> None:
        if not parts:
            raise ValueError("a batch needs at least one part")
        self.parts: tuple[Part, ...] = tuple(parts)

    def __len__(self) -> int:
        return len(self.parts)

    @property
    def name(self) -> str:
        """File names, for people."""
        return named([part.name for part in self.parts])


def named(names: Sequence[str]) -> str:
    """Names several things as people call them: the first one, and how many more there are."""
    names = [printable(name) for name in names]
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


@dataclass(frozen=True, slots=True)
class Object:
    """One file that is not on this machine. `version` changes with its content (an ETag), "" where nothing tells that.

    `size_bytes`: -1 where only reading tells.
    """

    url: str
    size_bytes: int
    version: str


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Word:
    """One spoken word; times in seconds from the container's start."""

    start_s: float
    end_s: float
    text: str

    def later(self, by_s: float) -> Word:
        """Returns the same word on a clock that began `by_s` seconds earlier."""
        return Word(round(self.start_s + by_s, 3), round(self.end_s + by_s, 3), self.text)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Segment:
    """A sentence (or a chunk of some) with its words; who says it (from 1) and in which language, where known.

    `track`: of the file's sounds or subtitles, from 1, where several are read; else 0.
    """

    start_s: float
    end_s: float
    text: str
    words: tuple[Word, ...]
    speaker: int | None = None
    language: str = ""
    track: int = 0

    @classmethod
    def of(cls, words: tuple[Word, ...]) -> Segment:
        """Builds the segment that the given words make; raises ValueError where there are no words."""
        if not words:
            raise ValueError("a segment needs at least one word")
        text = " ".join(word.text.strip() for word in words)
        return cls(words[0].start_s, words[-1].end_s, text, words)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Frame:
    """One picture of a video: `time_s` from the container's start, `image` a file name within its artifact.

    `blank`: nothing is on it; `blurred`: no sharp edge is.
    """

    time_s: float
    image: str
    blank: bool = False
    blurred: bool = False


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Row:
    """A record without its vector: what an embedding stage puts beside the vectors, in the same order."""

    modality: Modality
    text: str
    start_ms: int | None = None
    end_ms: int | None = None
    page: int | None = None
    box: tuple[float, float, float, float] | None = None
    thumbnail: str = ""
    part: int = 0  #: tells rows in one place apart that have no box
    marks: tuple[str, ...] = ()  #: what else searches ask for: `speaker:...`; letters, digits and ``_.:-``

    def __post_init__(self) -> None:
        object.__setattr__(self, "marks", tuple(self.marks))
        if self.box is not None:
            if len(self.box) != 4:
                raise ValueError(f"a box has four edges, not {self.box!r}")
            object.__setattr__(self, "box", tuple(self.box))  # JSON and stores give lists

    @property
    def locator(self) -> str:
        """Where in the asset, in integers: the part of a record's id that tells rows of one asset apart."""
        box = "" if self.box is None else ",".join(str(round(edge * 100)) for edge in self.box)
        part = f":{self.part}" if self.part else ""
        return f"{self.start_ms}:{self.end_ms}:{self.page}:{box}{part}"
