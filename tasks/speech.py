"""The speech branch of videos: sound, words, chunks, vectors, records."""

from __future__ import annotations

from pathlib import Path

from prefect.client.schemas.objects import State

from actors.pool import speech_pool
from medley.artifacts import Draft
from medley.media import audio as sound
from medley.options import SpeechTask
from medley.records import write_branch
from medley.run import TaskContext
from medley.transcript import CHUNKS, TRANSCRIPT, chunk_segments, read_segments, sentences, write_segments
from medley.types import ArtifactRef, Asset, AssetBatch, Row
from tasks._embed import embed_texts
from tasks._publish import publish_transcript
from tasks._stage import run_batch, run_stage, stage_task


@stage_task(num_cpus=1, of="assets")
def extract_audio(assets: AssetBatch, run: TaskContext) -> State[AssetBatch]:
    """Sound as 16 kHz WAV; dropped once it is transcribed."""
    return run_stage("extract_audio", assets, run, lambda asset, draft: _extract(asset, run, draft), skip=_no_sound)


@stage_task(num_cpus=0.1, of="audio")
def transcribe(audio: AssetBatch, run: TaskContext) -> State[AssetBatch]:
    """Sentences with word times."""
    return run_stage("transcribe", audio, run, lambda wav, draft: _transcribe(wav, run, draft))


@stage_task(num_cpus=0.1, of="transcripts")
def chunk(transcripts: AssetBatch, run: TaskContext) -> State[AssetBatch]:
    """What one search hit shows."""
    return run_stage("chunk", transcripts, run, lambda transcript, draft: _chunk(transcript, run, draft))


@stage_task(num_cpus=0.1, of="chunks")
def embed_text(chunks: AssetBatch, run: TaskContext) -> State[AssetBatch]:
    """A vector for each chunk."""
    return run_batch("embed_text", chunks, run, lambda todo: embed_texts(todo, _rows, run))


@stage_task(num_cpus=0.1, of="vectors")
def write_speech(vectors: AssetBatch, run: TaskContext) -> State[AssetBatch]:
    """The speech records of the asset, and no others."""
    return run_batch("write_speech", vectors, run, lambda todo: write_branch(todo, "speech", run.models.text, run))


def _no_sound(asset: Asset) -> str:
    return "" if asset.media.audio_stream is not None else "no sound"


def _extract(asset: Asset, run: TaskContext, draft: Draft) -> None:
    found = sound.extract_audio(asset, draft.directory, run.limits, run.video.speech.track)
    draft.data |= {"duration_s": found.length_s, "damage": found.damage, "notes": list(found.notes)}


def _transcribe(audio: ArtifactRef, run: TaskContext, draft: Draft) -> None:
    speech = run.video.speech
    wav = Path(audio.directory) / sound.WAV
    translate = speech.task is SpeechTask.TRANSLATE
    words = speech_pool(run).call("transcribe", wav, speech.language, speech.beam_size, translate)
    spans = sound.Spans.read(Path(audio.directory))
    segments = sentences([word.later(spans.time_s(word.start_s) - word.start_s) for word in words])
    write_segments(draft.directory / TRANSCRIPT, segments)
    draft.data["sentences"] = len(segments)
    publish_transcript(audio.asset, segments)


def _chunk(transcript: ArtifactRef, run: TaskContext, draft: Draft) -> None:
    segments = read_segments(Path(transcript.directory) / TRANSCRIPT)
    write_segments(draft.directory / CHUNKS, chunk_segments(segments, run.video.chunks))


def _rows(directory: Path) -> list[Row]:
    parts = read_segments(directory / CHUNKS)
    return [Row("speech", part.text, round(part.start_s * 1000), round(part.end_s * 1000)) for part in parts]
