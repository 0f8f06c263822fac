"""The sound of a container as one mono WAV on the common clock."""

from __future__ import annotations

import json
import shutil
import wave
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from medley.errors import CorruptMedia, MedleyError, TooLarge, UnsupportedMedia
from medley.media.damage import broken_lines, damage_of
from medley.media.ffmpeg import undecodable
from medley.media.job import JobResult, run_job
from medley.media.source import Source, asset_source
from medley.models.base import Vectors
from medley.setting_groups import Limits
from medley.tracks import ALL, SoundTrack
from medley.types import Asset, clock

SAMPLE_RATE_HZ = 16_000
WAV, SPANS = "audio.wav", "spans.json"
_PROGRAM = Path(__file__).with_name("sound_child.py")  # not imported: it loads PyAV
_PIECE = 330 * SAMPLE_RATE_HZ
_SEARCHED = 30 * SAMPLE_RATE_HZ
_SLACK_S = 0.5  # encoders pad and trim by some thousand samples
_SILENT = 1e-4  # of full scale: three steps of 16 bits
_SILENCE = "its sound is silence"
#: A WAV, and the numbers of the first sample of a piece of it and of the first one after it.
Piece = tuple[Path, int, int]
_A_JOINT = 0.1  # seconds that decoders leave out where two files were joined


@dataclass(frozen=True, slots=True)
class Sound:
    """What came out: its length in seconds, what is lost (empty where nothing is), and what else there is to say."""

    length_s: float
    damage: str
    notes: tuple[str, ...] = ()


def extract_audio(asset: Asset, directory: Path, limits: Limits, track: str | None = None) -> Sound:
    """Writes WAV (16 kHz, mono, 16 bit) and SPANS into `directory`; time 0 is the container's start.

    Sound that begins later is padded with silence; of a gap in it half a minute is written, and SPANS says what was
    left out. `track` as in `SpeechOptions`; where none is given and the main one is silent, another one is heard. Of
    several that are all wanted each has a directory of its own (see `recordings_in`).
    Raises UnsupportedMedia where there is no such track, CorruptMedia where nothing can be decoded.
    """
    with asset_source(asset) as source:
        if track == ALL and len(asset.media.tracks) > 1:
            return _every_track(source, asset, directory, limits)
        wanted = [_track(asset, None if track == ALL else track)]
        if track is None:
            wanted += [other for other in asset.media.tracks if other != wanted[0]]
        silent: list[int] = []
        for heard in wanted:
            found = _decoded(source, asset, heard, directory, limits)
            if found["peak"] > _SILENT:
                return _sound(found, heard, asset, _told(silent, heard, asset, chosen=track is not None))
            silent.append(_number(heard, asset))
        if len(wanted) > 1:  # all are silent: the one that was asked for stays
            found = _decoded(source, asset, wanted[0], directory, limits)
        return _sound(found, wanted[0], asset, [_SILENCE])


def _every_track(source: Source, asset: Asset, directory: Path, limits: Limits) -> Sound:
    """All that can be heard: a track that cannot be decoded is damage, one that is silent a note."""
    heard, notes, broken = list[Sound](), list[str](), list[MedleyError]()
    for number, track in enumerate(asset.media.tracks, 1):
        where = directory / str(number)
        where.mkdir()
        try:
            found = _decoded(source, asset, track, where, limits)
        except CorruptMedia as error:
            broken.append(error)
            heard.append(Sound(0.0, f"sound track {number} {error.reason}"))
        else:
            sound = _sound(found, track, asset, ())
            heard.append(replace(sound, damage=sound.damage and f"sound track {number}: {sound.damage}"))
            if found["peak"] > _SILENT:
                continue
            notes.append(f"sound track {number} is silence")
        shutil.rmtree(where)
    if len(broken) == len(heard):
        raise broken[0]
    if len(notes) == len(heard):
        (directory / "1").mkdir()
        _decoded(source, asset, asset.media.tracks[0], directory / "1", limits)
        notes = [_SILENCE]
    damage = next((sound.damage for sound in heard if sound.damage), "")
    return Sound(max(sound.length_s for sound in heard), damage, tuple(notes))


def recordings_in(directory: Path) -> list[tuple[int, Path]]:
    """Lists what `extract_audio` wrote: the number of the track (0 where only one is heard) and where WAV is."""
    if (directory / WAV).exists():
        return [(0, directory)]
    return sorted((int(path.parent.name), path.parent) for path in directory.glob(f"*/{WAV}"))


def _decoded(source: Source, asset: Asset, track: SoundTrack, directory: Path, limits: Limits) -> dict[str, Any]:
    """What the child says, and ffmpeg's complaints."""
    job = {"path": str(source.path), "demuxer": asset.media.demuxer, "max_streams": limits.max_streams}
    job |= {"stream": track.stream, "start_s": asset.media.start_s, "target": str(directory / WAV)}
    told = run_job(_PROGRAM, job, limits, directory, [source])
    if not told.lines or not told.lines[0]["decoded_s"]:
        raise _undecodable(told, asset, limits)
    (directory / SPANS).write_text(json.dumps(told.lines[0]["spans"]))
    return {**told.lines[0], "complaints": told.complaints}


def _undecodable(told: JobResult, asset: Asset, limits: Limits) -> CorruptMedia | TooLarge:
    if told.too_long:
        return TooLarge(told.too_long, file=asset.path, remedy="Raise MEDLEY_LIMITS__WALL_S if you trust the file")
    if "File too large" in told.complaints:
        remedy = "Raise MEDLEY_LIMITS__OUTPUT_MB if you trust the file"
        return TooLarge(f"makes more than {limits.output_mb} MB", file=asset.path, remedy=remedy)
    return undecodable("sound", told.complaints, asset)


def _sound(found: dict[str, Any], track: SoundTrack, asset: Asset, notes: Sequence[str]) -> Sound:
    errors = max(found["errors"] if found["lost_s"] > _A_JOINT else 0, len(broken_lines(found["complaints"])))
    if asset.media.demuxer != "mpegts":  # there each joint counts as a torn packet
        errors = max(errors, found["torn"])
    end_s = min(found["end_s"], max(found["packets_end_s"], found["decoded_s"]) + _SLACK_S)
    lost = damage_of("sound", decoded_s=end_s, declared_s=track.end_s, slack_s=_SLACK_S, errors=errors)
    if not lost and found["stopped"]:
        lost = f"its sound ends at {clock(end_s)}: {found['stopped']}"
    return Sound(found["end_s"], lost, tuple(notes))


def _number(track: SoundTrack, asset: Asset) -> int:
    return asset.media.tracks.index(track) + 1


def _told(silent: Sequence[int], heard: SoundTrack, asset: Asset, *, chosen: bool) -> list[str]:
    number, count = _number(heard, asset), len(asset.media.tracks)
    if silent:
        return [f"sound track {' and '.join(map(str, silent))} is silence; track {number} is heard"]
    return [f"sound track {number} of {count} is heard (--speech.track)"] if count > 1 and not chosen else []


def _track(asset: Asset, wanted: str | None) -> SoundTrack:
    media = asset.media
    for number, track in enumerate(media.tracks, 1):
        if track.stream == media.audio_stream if wanted is None else wanted in (str(number), track.language):
            return track
    there = ", ".join(f"{n}{f' ({t.language})' if t.language else ''}" for n, t in enumerate(media.tracks, 1))
    raise UnsupportedMedia(
        f"has no sound track {wanted}, only {there}",
        file=asset.path,
        remedy="Give one of these with --speech.track, or all, or leave it out",
    )


class Spans:
    """Which time of the recording a place in its WAV stands for."""

    def __init__(self, spans: Sequence[Sequence[float]]) -> None:
        self._begins = [begin_s for begin_s, _ in spans]
        self._times = [time_s for _, time_s in spans]

    @classmethod
    def read(cls, directory: Path) -> Spans:
        """Reads the spans that `extract_audio` wrote into `directory`."""
        return cls(json.loads((directory / SPANS).read_text()))

    def time_s(self, at_s: float) -> float:
        """Converts a place in the WAV, in seconds, to seconds from the container's start."""
        n = max(0, bisect_right(self._begins, at_s + 1e-6) - 1)
        return at_s - self._begins[n] + self._times[n]


def pieces_of(path: Path) -> list[Piece]:
    """Divides a WAV of `extract_audio` into pieces of about five minutes: memory does not grow with its length.

    Cuts lie where the sound is quietest.
    """
    found: list[Piece] = []
    with wave.open(str(path)) as wav:
        begun, samples = 0, _read(wav, _PIECE)
        while len(samples) == _PIECE:
            cut = _quietest(samples)
            found.append((path, begun, begun + cut))
            begun += cut
            samples = np.concatenate([samples[cut:], _read(wav, cut)])
        return [*found, (path, begun, begun + len(samples))] if len(samples) else found


def read_piece(piece: Piece) -> Vectors:
    """Reads the samples of a piece: float32, shape (n,), -1..1."""
    path, begin, end = piece
    with wave.open(str(path)) as wav:
        wav.setpos(begin)
        return _read(wav, end - begin)


def _read(wav: wave.Wave_read, count: int) -> Vectors:
    return np.frombuffer(wav.readframes(count), dtype="<i2").astype(np.float32) / np.float32(32768.0)


def _quietest(samples: Vectors) -> int:
    """The middle of the quietest half second in the last half minute."""
    half_second = SAMPLE_RATE_HZ // 2
    searched = samples[-_SEARCHED:].reshape(-1, half_second // 2)
    loudness = np.square(searched).mean(axis=1)
    quietest = int(np.argmin(loudness[:-1] + loudness[1:]))
    return len(samples) - _SEARCHED + (quietest + 1) * (half_second // 2)
