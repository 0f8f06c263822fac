"""The pipeline: which stages it has, and which options people can set."""

from pydantic import Field

from medley.options import ChunkOptions, SpeechOptions
from medley.pipelines import FileOptions, OptionGroup, pipeline
from podcasts.tasks import embed_chapters, find_chapters, write_chapters
from tasks.speech import chunk, embed_text, extract_audio, transcribe, write_speech


class ChapterOptions(OptionGroup):
    """Where a chapter ends."""

    pause_s: float = Field(0.6, gt=0, le=60, description="A pause of so many seconds may end a chapter.")
    min_length_s: float = Field(10.0, ge=0, le=3600, description="Length of a chapter in seconds, at least.")


class PodcastOptions(FileOptions):
    """Everything that a run over podcasts can be told."""

    speech: SpeechOptions = Field(default_factory=SpeechOptions, description="How speech is turned into words.")
    chunks: ChunkOptions = Field(default_factory=ChunkOptions, description="How sentences become search hits.")
    chapters: ChapterOptions = Field(default_factory=ChapterOptions, description="Where a chapter ends.")


@pipeline(options=PodcastOptions, media=("audio/*",))
def podcasts(assets, options):
    """Makes podcasts searchable by what is said, and by their chapters."""
    transcript = transcribe(extract_audio(assets))
    write_speech(embed_text(chunk(transcript)))
    write_chapters(embed_chapters(find_chapters(transcript)))
