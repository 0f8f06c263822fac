"""Who speaks: turns of speakers, their voices as records, and chunks that one person says."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from medley.artifacts import Draft
from medley.dag.parts import write_records
from medley.dag.stage import no_sound, stage
from medley.media import audio as sound
from medley.models.base import Vectors
from medley.models.voice import VOICES, Utterance
from medley.records import save_vectors
from medley.run import TaskContext
from medley.speakers import Heard, Speakers, mark, read_turns, save_turns, spoken_by
from medley.speakers import find_speakers as grouped
from medley.system.stop import raise_if_stopped
from medley.transcript import TRANSCRIPT, read_segments, write_chunks
from medley.types import ArtifactRef, Asset, Row


def _exported(made: Path) -> dict[str, Any]:
    return {"turns": [asdict(turn) for turn in read_turns(made)]}


@stage(
    branch="speakers",
    reads=lambda o: o.speech.track,
    model=VOICES,
    skips=no_sound,
    takes="assets",
    makes="vectors",
    export=_exported,
)
def find_speakers(asset: Asset, draft: Draft, context: TaskContext) -> None:
    """Finds out who speaks when, by the voices."""
    heard, said = list[Heard](), list[Vectors]()
    with tempfile.TemporaryDirectory(dir=draft.directory) as name:
        found = sound.extract_audio(asset, Path(name), context.limits, context.options.speech.track)
        for track, directory in sound.recordings_in(Path(name)):
            spans = sound.Spans.read(directory)
            for start_s, end_s, vector in _heard(directory / sound.WAV, context):
                heard.append(Heard(spans.time_s(start_s), spans.time_s(end_s), track))
                said.append(vector)
    speakers = grouped(heard, np.stack(said) if said else np.empty((0, 0), np.float32))
    save_turns(draft.directory, speakers.turns)
    save_vectors(draft.directory, _rows(asset, speakers), speakers.voices)
    draft.data |= {"speakers": len(speakers.voices), "damage": found.damage}


def _heard(wav: Path, context: TaskContext) -> list[Utterance]:
    heard: list[Utterance] = []
    for piece in sound.pieces_of(wav):
        raise_if_stopped()
        samples = np.rint(sound.read_piece(piece) * 32767).astype(np.int16)  # half of what goes to the model
        begin_s = piece[1] / sound.SAMPLE_RATE_HZ
        found = context.model(VOICES).call("find_voices", samples)
        heard += [(begin_s + start_s, begin_s + end_s, vector) for start_s, end_s, vector in found]
    return heard


def _rows(asset: Asset, speakers: Speakers) -> list[Row]:
    """A record for each speaker, at what they say longest without a break."""
    rows = []
    for number in range(1, len(speakers.voices) + 1):
        said = (turn for turn in speakers.turns if turn.speaker == number)
        longest = max(said, key=lambda turn: turn.end_s - turn.start_s)
        span = (round(longest.start_s * 1000), round(longest.end_s * 1000))
        rows.append(Row("voice", f"Speaker {number}", *span, marks=(mark(asset.asset_id, number),)))
    return rows


write_speakers = write_records("write_speakers", branch="speakers", modalities="voice", space="voice")


@stage(
    branch="speech",
    reads=lambda o: o.chunks.model_dump(),
    takes=("transcript", "vectors"),
    makes="chunks",
    num_cpus=0.1,
)
def chunk_by_speaker(transcript: ArtifactRef, voices: ArtifactRef, draft: Draft, context: TaskContext) -> None:
    """Gathers the sentences of each speaker into chunks, each of which is what one search hit shows."""
    segments = spoken_by(read_segments(Path(transcript.directory) / TRANSCRIPT), read_turns(Path(voices.directory)))
    write_chunks(segments, transcript.asset, draft.directory, context.options.chunks)
