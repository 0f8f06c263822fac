"""The spoken corpus: synthesised once, kept in shards so that a broken off run goes on where it was."""

from __future__ import annotations

import json
import os
import random
import subprocess
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from tests.demo_models.texts import german_text, training_text
from tests.world.narration import Line, speak, write_wav
from tests.world.voices import SAMPLE_RATE_HZ, Samples, ffmpeg, language_of, random_german_voice, random_voice

SHARD = 500
_TURNS, _GERMAN = 7, (3, 6)  # of seven shards these two are German
# Every second shard has been through a codec, as the sound of a video has.
_CODECS: tuple[tuple[str, ...], ...] = (
    (),
    ("-c:a", "aac", "-b:a", "64k", "-ar", "44100"),
    (),
    ("-c:a", "libopus", "-b:a", "24k"),
)


@dataclass(frozen=True, slots=True)
class Utterance:
    """One sentence: its text, who says it, and where its samples stand in the shard."""

    text: str
    voice: str
    first: int
    length: int


class Corpus:
    """All utterances, their samples mapped from the disk; `by_language`: the numbers of those in "en" and in "de"."""

    def __init__(self, directory: Path, count: int) -> None:
        self._utterances: list[tuple[Utterance, np.ndarray]] = []
        for number in range(count // SHARD):
            samples = np.memmap(_shard_path(directory, number), np.int16, "r")
            index = json.loads(_shard_path(directory, number).with_suffix(".json").read_text())
            self._utterances += [(Utterance(**each), samples) for each in index]
        self.by_language: dict[str, list[int]] = {}
        for number, (utterance, _) in enumerate(self._utterances):
            self.by_language.setdefault(language_of(utterance.voice), []).append(number)

    def __len__(self) -> int:
        return len(self._utterances)

    def text(self, number: int) -> str:
        """What is said."""
        return self._utterances[number][0].text

    def samples(self, number: int) -> Samples:
        """float32 samples from -1 to 1, 16 kHz, without silence before and behind."""
        utterance, shard = self._utterances[number]
        return shard[utterance.first : utterance.first + utterance.length].astype(np.float32) / 32768


def synthesise_corpus(directory: Path, *, seed: int, count: int, report: Callable[[int], None]) -> Corpus:
    """Speaks what is missing of `count` utterances (a multiple of 500); `report` gets the number of spoken ones."""
    directory.mkdir(parents=True, exist_ok=True)
    missing = [n for n in range(count // SHARD) if not _shard_path(directory, n).with_suffix(".json").exists()]
    done = count - len(missing) * SHARD
    with ThreadPoolExecutor(os.cpu_count() or 2) as threads:
        for _ in threads.map(lambda number: _write_shard(directory, seed, number), missing):
            done += SHARD
            report(done)
    return Corpus(directory, count)


def _shard_path(directory: Path, number: int) -> Path:
    return directory / f"speech-{number:03d}.raw"


def _write_shard(directory: Path, seed: int, number: int) -> None:
    rng = random.Random(f"corpus {seed} {number}")
    makers = (german_text, random_german_voice) if number % _TURNS in _GERMAN else (training_text, random_voice)
    lines = [Line(makers[0](rng), makers[1](rng)) for _ in range(SHARD)]
    pieces = [speak(line) for line in lines]
    firsts = np.cumsum([0, *(len(piece) for piece in pieces)])
    samples = _through_codec(np.concatenate(pieces), _CODECS[number % len(_CODECS)])
    path = _shard_path(directory, number)
    (samples.clip(-1, 1) * 32767).astype(np.int16).tofile(path)
    index = [
        asdict(Utterance(line.text, str(line.voice), int(first), len(piece)))
        for line, piece, first in zip(lines, pieces, firsts, strict=False)
    ]
    partial = path.with_suffix(".part")
    partial.write_text(json.dumps(index))
    partial.rename(path.with_suffix(".json"))  # the shard counts from here on


def _through_codec(samples: Samples, codec: tuple[str, ...]) -> Samples:
    if not codec:
        return samples
    with tempfile.TemporaryDirectory() as directory:
        wav, coded = Path(directory) / "in.wav", Path(directory) / "coded.mka"
        write_wav(wav, samples)
        subprocess.run(ffmpeg("-i", str(wav), *codec, str(coded)), check=True, capture_output=True, timeout=600)
        raw = ["-ar", str(SAMPLE_RATE_HZ), "-ac", "1", "-f", "s16le", f"{directory}/out.raw"]
        subprocess.run(ffmpeg("-i", str(coded), *raw), check=True, capture_output=True, timeout=600)
        heard = np.fromfile(f"{directory}/out.raw", np.int16).astype(np.float32) / 32768
    return np.resize(np.pad(heard, (0, max(0, len(samples) - len(heard)))), len(samples))
