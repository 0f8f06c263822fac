"""The speech branch: sound, words, chunks, vectors, records."""

from __future__ import annotations

from pathlib import Path

from prefect.client.schemas.objects import State

from actors.pool import in_batches, speech_pool, text_pool
from medley.artifacts import Draft
from medley.media import audio as sound
from medley.options import SpeechTask
from medley.records import save_vectors, write_branch
from medley.run import Run
from medley.transcript import CHUNKS, TRANSCRIPT, gather, read_segments, sentences, write_segments
from medley.types import ArtifactRef, Asset, Row
from tasks._publish import publish_transcript
from tasks._stage import run_stage, stage_task


@stage_task(num_cpus=1, of="asset")
def extract_audio(asset: Asset, run: Run) -> ArtifactRef | State[ArtifactRef]:
    """Sound as 16 kHz WAV; dropped once it is transcribed."""
    none = "" if asset.media.audio_stream is not None else "no sound"
    return run_stage("extract_audio", asset, run, lambda draft: _extract(asset, run, draft), skip=none)


@stage_task(num_cpus=0.1, of="audio")
def transcribe(audio: ArtifactRef, run: Run) -> ArtifactRef | State[ArtifactRef]:
    """Sentences with word times."""
    return run_stage("transcribe", audio, run, lambda draft: _transcribe(audio, run, draft))


@stage_task(num_cpus=0.1, of="transcript")
def chunk(transcript: ArtifactRef, run: Run) -> ArtifactRef | State[ArtifactRef]:
    """What one search hit shows."""
    return run_stage("chunk", transcript, run, lambda draft: _chunk(transcript, run, draft))


@stage_task(num_cpus=0.1, of="chunks")
def embed_text(chunks: ArtifactRef, run: Run) -> ArtifactRef | State[ArtifactRef]:
    """A vector for each chunk."""
    return run_stage("embed_text", chunks, run, lambda draft: _embed(chunks, run, draft))


@stage_task(num_cpus=0.1, of="vectors")
def write_speech(vectors: ArtifactRef, run: Run) -> ArtifactRef | State[ArtifactRef]:
    """The speech records of the asset, and no others."""
    return run_stage(
        "write_speech",
        vectors,
        run,
        lambda draft: write_branch(vectors, "speech", run.models.text, run, draft),
    )


def _extract(asset: Asset, run: Run, draft: Draft) -> None:
    found = sound.extract_audio(asset, draft.directory, run.limits, run.options.speech.track)
    draft.data |= {"duration_s": found.length_s, "damage": found.damage}


def _transcribe(audio: ArtifactRef, run: Run, draft: Draft) -> None:
    speech = run.options.speech
    wav = Path(audio.directory) / sound.WAV
    translate = speech.task is SpeechTask.TRANSLATE
    words = speech_pool(run).call("transcribe", wav, speech.language, speech.beam_size, translate)
    segments = sentences(words)
    write_segments(draft.directory / TRANSCRIPT, segments)
    draft.data["sentences"] = len(segments)
    publish_transcript(audio.asset, segments)


def _chunk(transcript: ArtifactRef, run: Run, draft: Draft) -> None:
    segments = read_segments(Path(transcript.directory) / TRANSCRIPT)
    write_segments(draft.directory / CHUNKS, gather(segments, run.options.chunks))


def _embed(chunked: ArtifactRef, run: Run, draft: Draft) -> None:
    parts = read_segments(Path(chunked.directory) / CHUNKS)
    rows = [Row("speech", p.text, round(p.start_s * 1000), round(p.end_s * 1000)) for p in parts]
    save_vectors(draft.directory, rows, in_batches(text_pool(run), "encode_texts", [row.text for row in rows]))
