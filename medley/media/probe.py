"""What is in a container: which streams we keep, where time 0 is, how long it lasts."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from medley.errors import CorruptMedia, TooLarge, UnsupportedMedia
from medley.media.child import run_child
from medley.media.sniff import Sniffed, sniff
from medley.media.source import Source, open_source
from medley.settings import Limits
from medley.types import MediaInfo, SoundTrack

_PROBE_S = 60.0
# What ffmpeg says of their length is reckoned from their size or their end: no declaration.
_ESTIMATED = frozenset({"aac", "mp3", "mpeg", "mpegts", "ogg"})
_PROGRAM = Path(__file__).with_name("probe_child.py")  # not imported: it loads PyAV


def probe_media(path: Path, limits: Limits) -> MediaInfo:
    """What is in the file at `path`. Raises MissingFile, and what `probe_source` raises."""
    with open_source(path) as source:
        return probe_source(source, limits)


def probe_source(source: Source, limits: Limits) -> MediaInfo:
    """Opens the container in a child process.

    Raises UnsupportedMedia (see `sniff`), CorruptMedia where the container cannot be opened or holds neither sound nor
    picture, TooLarge where it is beyond a limit.
    """
    sniffed = _container(source)
    found = _describe(source, sniffed.demuxer, limits) | {"estimated": sniffed.demuxer in _ESTIMATED}
    sounds = _usable(found["streams"], "audio")
    audio = _chosen(sounds)
    video = _chosen([stream for stream in _usable(found["streams"], "video") if not stream["cover"]])
    kept = [*sounds, *([video] if video else [])]
    if not kept:
        raise CorruptMedia("holds neither sound nor picture", file=source.name, remedy="Check that it plays")
    _check_size(source, video, limits)
    start_s = min((s["start_s"] for s in kept if s["start_s"] is not None), default=0.0)
    return MediaInfo(
        demuxer=sniffed.demuxer,
        media_type=sniffed.media_type if video else sniffed.media_type.replace("video/", "audio/"),
        start_s=start_s,
        duration_s=_duration(found, kept),
        audio_stream=audio["index"] if audio else None,
        video_stream=video["index"] if video else None,
        width_px=video["width_px"] if video else 0,
        height_px=video["height_px"] if video else 0,
        hdr=bool(video and video["hdr"]),
        video_s=_end(video, start_s, found, kept),
        whole_s=0.0 if found["estimated"] else found["duration_s"] or 0.0,
        tracks=tuple(SoundTrack(s["index"], s["language"], _end(s, start_s, found, kept)) for s in sounds),
    )


def _container(source: Source) -> Sniffed:
    sniffed = sniff(source.path, source.name)
    if sniffed.flow != "video":
        raise UnsupportedMedia(f"is no video but {sniffed.media_type}", file=source.name)
    return sniffed


def end_of_packets(source: Source, media: MediaInfo, limits: Limits) -> float:
    """When the last packet of the picture ends, or of anything where only the container as a whole declares its length.

    In seconds from the container's start; reads the whole file.
    """
    which = str(media.video_stream) if media.video_s else "all"
    found, _ = _ask(source, media.demuxer, limits, which)
    return float(found.get("end_s", 0.0)) - media.start_s


def _ask(source: Source, demuxer: str, limits: Limits, *more: str) -> tuple[dict[str, Any], str]:
    """The child's answer, and ffmpeg's complaints."""
    command = [sys.executable, "-I", str(_PROGRAM), str(source.path), demuxer, str(limits.max_streams), *more]
    result = run_child(command, cwd=None, limits=limits, file=source.name, sources=[source])
    try:
        return json.loads(result.stdout), result.stderr
    except ValueError:
        return {"error": f"its reader ended with {result.returncode}"}, result.stderr


def _describe(source: Source, demuxer: str, limits: Limits) -> dict[str, Any]:
    quick = limits.model_copy(update={"wall_s": min(limits.wall_s, _PROBE_S)})
    found, complaints = _ask(source, demuxer, quick)
    if found.get("count", 0) > limits.max_streams or "exceeds max_streams" in complaints:
        raise TooLarge(
            f"has more than {limits.max_streams} streams",
            file=source.name,
            remedy="Raise MEDLEY_LIMITS__MAX_STREAMS if you trust the file",
        )
    if "error" in found:
        reason = _moov(complaints) or f"cannot be opened: {found['error']}"
        raise CorruptMedia(reason, file=source.name, remedy="It may be cut off; copy or export it again")
    return found


def _moov(complaints: str) -> str:
    return "has no index (moov atom): its end is missing" if "moov atom not found" in complaints else ""


def _usable(streams: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [stream for stream in streams if stream["type"] == kind and stream["decodable"]]


def _chosen(usable: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The one that a player would choose: marked as default, else the first."""
    return next((stream for stream in usable if stream["default"]), usable[0] if usable else None)


def _duration(found: dict[str, Any], kept: list[dict[str, Any]]) -> float:
    known = [stream["duration_s"] for stream in kept if stream["duration_s"]]
    return float(max(known) if known else found["duration_s"] or 0.0)


def _end(stream: dict[str, Any] | None, start_s: float, found: dict[str, Any], kept: list[dict[str, Any]]) -> float:
    """When a stream ends, by its own word, or by the container's where it is the only one that we keep."""
    if stream is None or found["estimated"]:
        return 0.0
    length_s = stream["duration_s"] or (found["duration_s"] if len(kept) == 1 else None)
    return max(0.0, (stream["start_s"] or 0.0) + length_s - start_s) if length_s else 0.0


def _check_size(source: Source, video: dict[str, Any] | None, limits: Limits) -> None:
    if video and video["width_px"] * video["height_px"] > limits.max_pixels:
        raise TooLarge(
            f"has pictures of {video['width_px']}x{video['height_px']} pixels",
            file=source.name,
            remedy="Raise MEDLEY_LIMITS__MAX_PIXELS if you trust the file",
        )
