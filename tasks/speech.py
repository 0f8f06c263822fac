"""The speech branch of videos: sound, words, chunks, vectors, records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from medley.artifacts import Draft
from medley.dag.parts import embed_texts, write_records
from medley.dag.stage import no_sound, stage
from medley.media import audio as sound
from medley.option_values import SpeechTask
from medley.options import SpeechOptions
from medley.run import TaskContext
from medley.transcript import TRANSCRIPT, chunk_rows, read_segments, said_once, sentences, write_chunks, write_segments
from medley.types import ArtifactRef, Asset, Segment, Word
from tasks.publish import publish_transcript


@stage(
    version=4,
    branch="speech",
    reads=lambda o: o.speech.track,
    skips=no_sound,
    takes="assets",
    makes="sound",
    transient=True,
)
def extract_audio(asset: Asset, draft: Draft, context: TaskContext) -> None:
    """Extracts the sound as a 16 kHz WAV, which is dropped once the sound is transcribed."""
    found = sound.extract_audio(asset, draft.directory, context.limits, context.options.speech.track)
    draft.data |= {"duration_s": found.length_s, "damage": found.damage, "notes": list(found.notes)}


@stage(
    version=2,  # transcripts without a language are as good
    branch="speech",
    reads=lambda o: o.speech.model_dump(
        exclude={"track", "subtitles", "subtitle_track", "speakers", "topics", "titles"}
    ),
    model="speech",
    takes="sound",
    makes="transcript",
    export=lambda made: {"segments": [asdict(segment) for segment in read_segments(made / TRANSCRIPT)]},
    num_cpus=0.1,
)
def transcribe(audio: ArtifactRef, draft: Draft, context: TaskContext) -> None:
    """Sentences with word times."""
    segments, languages = list[Segment](), list[str | None]()
    for track, directory in sound.recordings_in(Path(audio.directory)):
        found, spoken = _said(directory, context.options.speech, context)
        segments += [replace(segment, track=track) for segment in found]
        languages.append(spoken)
    segments = said_once(segments)
    write_segments(draft.directory / TRANSCRIPT, segments)
    draft.data |= {"sentences": len(segments), "language": next(filter(None, languages), None)}
    publish_transcript(audio.asset, segments)


def _said(directory: Path, speech: SpeechOptions, context: TaskContext) -> tuple[list[Segment], str | None]:
    """The sentences of a recording, and the language that is spoken."""
    words, spoken = _words(sound.pieces_of(directory / sound.WAV), speech, context)
    spans = sound.Spans.read(directory)
    found = sentences([word.later(spans.time_s(word.start_s) - word.start_s) for word in words])
    language = "en" if speech.task is SpeechTask.TRANSLATE else spoken or ""
    return [replace(segment, language=language) for segment in found], spoken


def _words(pieces: Sequence[sound.Piece], speech: SpeechOptions, context: TaskContext) -> tuple[list[Word], str | None]:
    """What is said in all pieces, which are heard at the same time where the model has several processes; and the
    language, None where nobody speaks.

    The language is that of the first piece in which somebody speaks: until then one is heard after the other.
    """
    model, how = context.model("speech"), (speech.beam_size, speech.task is SpeechTask.TRANSLATE)
    language, words, rest = speech.language, list[Word](), list(pieces)
    while language is None and rest:
        piece = rest.pop(0)
        [heard] = model.call("transcribe", [piece], None, *how)
        words += heard
        if heard:
            language = model.call("spoken_language", piece)
    found = model.call("transcribe", rest, language, *how) if rest else []
    return words + [word for heard in found for word in heard], language


@stage(branch="speech", reads=lambda o: o.chunks.model_dump(), takes="transcript", makes="chunks", num_cpus=0.1)
def chunk(transcript: ArtifactRef, draft: Draft, context: TaskContext) -> None:
    """Gathers the sentences of a transcript into chunks, each of which is what one search hit shows."""
    segments = read_segments(Path(transcript.directory) / TRANSCRIPT)
    write_chunks(segments, transcript.asset, draft.directory, context.options.chunks)


embed_text = embed_texts("embed_text", branch="speech", rows=chunk_rows, takes="chunks")
write_speech = write_records("write_speech", branch="speech", modalities="speech")
