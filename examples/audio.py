"""An audio-only pipeline of Medley's own stages: sound in, speech out.

medley run examples.audio:audio PATH... --profile demo
"""

from medley.options import ChunkOptions, SpeechOptions
from medley.pipelines import FileOptions, pipeline
from medley.types import TIMED
from tasks.speech import chunk, embed_text, extract_audio, transcribe, write_speech


class AudioOptions(FileOptions):
    """Everything that an audio run can be told."""

    speech: SpeechOptions = SpeechOptions()
    chunks: ChunkOptions = ChunkOptions()


@pipeline(options=AudioOptions, media=("audio/*", "video/*", *TIMED))
def audio(assets, options):
    """Makes sound files searchable by what is said; of videos only the sound is looked at."""
    sound = extract_audio(assets)
    transcript = transcribe(sound)
    chunks = chunk(transcript)
    vectors = embed_text(chunks)
    write_speech(vectors)
