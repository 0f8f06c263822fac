"""What is in a container: which streams we keep, where time 0 is, how long it lasts."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from medley.errors import CorruptMedia, TooLarge
from medley.media.child import run_child
from medley.media.sniff import sniff
from medley.settings import Limits
from medley.types import MediaInfo

_PROBE_S = 60.0
_PROGRAM = Path(__file__).with_name("probe_child.py")  # not imported: it loads PyAV


def probe_media(path: Path, limits: Limits) -> MediaInfo:
    """Opens the container in a child process; `path` is absolute.

    Raises MissingFile, UnsupportedMedia (see `sniff`), CorruptMedia where the container cannot be opened or holds
    neither sound nor picture, TooLarge where it is beyond a limit.
    """
    sniffed = sniff(path)
    found = _describe(path, sniffed.demuxer, limits)
    audio = _first(found["streams"], "audio")
    video = _first([stream for stream in found["streams"] if not stream["cover"]], "video")
    if audio is None and video is None:
        raise CorruptMedia("holds neither sound nor picture", file=str(path), remedy="Check that it plays")
    _check_size(path, video, limits)
    kept = [stream for stream in (audio, video) if stream]
    return MediaInfo(
        demuxer=sniffed.demuxer,
        media_type=sniffed.media_type if video else sniffed.media_type.replace("video/", "audio/"),
        start_s=min((s["start_s"] for s in kept if s["start_s"] is not None), default=0.0),
        duration_s=_duration(found, kept),
        audio_stream=audio["index"] if audio else None,
        video_stream=video["index"] if video else None,
        width_px=video["width_px"] if video else 0,
        height_px=video["height_px"] if video else 0,
        hdr=bool(video and video["hdr"]),
    )


def _describe(path: Path, demuxer: str, limits: Limits) -> dict[str, Any]:
    command = [sys.executable, "-I", str(_PROGRAM), str(path), demuxer, str(limits.max_streams)]
    quick = limits.model_copy(update={"wall_s": min(limits.wall_s, _PROBE_S)})
    result = run_child(command, cwd=path.parent, limits=quick, file=str(path))
    try:
        found: dict[str, Any] = json.loads(result.stdout)
    except ValueError:
        found = {"error": f"its reader ended with {result.returncode}"}
    if found.get("count", 0) > limits.max_streams or "exceeds max_streams" in result.stderr:
        raise TooLarge(
            f"has more than {limits.max_streams} streams",
            file=str(path),
            remedy="Raise MEDLEY_LIMITS__MAX_STREAMS if you trust the file",
        )
    if "error" in found:
        reason = _moov(result.stderr) or f"cannot be opened: {found['error']}"
        raise CorruptMedia(reason, file=str(path), remedy="It may be cut off; copy or export it again")
    return found


def _moov(complaints: str) -> str:
    return "has no index (moov atom): its end is missing" if "moov atom not found" in complaints else ""


def _first(streams: list[dict[str, Any]], kind: str) -> dict[str, Any] | None:
    """The one that a player would choose: marked as default, else the first."""
    usable = [stream for stream in streams if stream["type"] == kind and stream["decodable"]]
    return next((stream for stream in usable if stream["default"]), usable[0] if usable else None)


def _duration(found: dict[str, Any], kept: list[dict[str, Any]]) -> float:
    known = [stream["duration_s"] for stream in kept if stream["duration_s"]]
    return float(max(known) if known else found["duration_s"] or 0.0)


def _check_size(path: Path, video: dict[str, Any] | None, limits: Limits) -> None:
    if video and video["width_px"] * video["height_px"] > limits.max_pixels:
        raise TooLarge(
            f"has pictures of {video['width_px']}x{video['height_px']} pixels",
            file=str(path),
            remedy="Raise MEDLEY_LIMITS__MAX_PIXELS if you trust the file",
        )
