"""Opens a container and prints what is in it, as one line of JSON. A program: see probe.py, which runs it.

`python -I probe_child.py PATH DEMUXER MAX_STREAMS`; with the index of a stream (or `all`) behind that it reads the
whole file and says when the last packet ends. PyAV brings ffmpeg's libraries; they see one demuxer and one file.
"""

import json
import sys
from typing import Any

import av
import av.logging
from av.stream import Disposition

from medley.media.job_child import reason_of

#: PQ (SMPTE ST 2084) and HLG (ARIB STD-B67), as ISO/IEC 23091-2 numbers them.
_HDR_TRANSFERS = (16, 18)


def _opened(path: str, demuxer: str, max_streams: str) -> Any:
    guards = {"protocol_whitelist": "file,pipe", "format_whitelist": demuxer, "max_streams": str(int(max_streams) + 1)}
    return av.open(f"file:{path}", format=demuxer, options=guards)


def end_of_stream(path: str, demuxer: str, max_streams: str, index: str) -> dict[str, float]:
    """When the last packet ends, in seconds of the file's own clock; what cannot be read ends the reading."""
    end_s = 0.0
    with _opened(path, demuxer, max_streams) as container:
        try:
            for packet in container.demux(*([] if index == "all" else [container.streams[int(index)]])):
                if packet.pts is not None:
                    end_s = max(end_s, float((packet.pts + (packet.duration or 0)) * packet.time_base))
        except av.FFmpegError:
            pass  # the end that was reached is the answer
    return {"end_s": end_s}


def describe(path: str, demuxer: str, max_streams: str) -> dict[str, Any]:
    """Start and length in seconds (None where unknown), and the audio and video streams."""
    with _opened(path, demuxer, max_streams) as container:
        return {
            "duration_s": None if container.duration is None else container.duration / av.time_base,
            "count": len(container.streams),
            "streams": [_stream(stream) for stream in container.streams if stream.type in ("audio", "video")],
        }


def _stream(stream: Any) -> dict[str, Any]:
    scale = stream.time_base
    known = stream.codec_context is not None
    return {
        "index": stream.index,
        "language": (stream.language or "").replace("und", ""),  # und: undetermined (ISO 639-2)
        "type": stream.type,
        "default": bool(stream.disposition & Disposition.default),
        "cover": bool(stream.disposition & Disposition.attached_pic),
        "start_s": None if stream.start_time is None else float(stream.start_time * scale),
        "duration_s": _tagged_s(stream) if stream.duration is None else float(stream.duration * scale),
        "decodable": known,
        "width_px": stream.codec_context.width if known and stream.type == "video" else 0,
        "height_px": stream.codec_context.height if known and stream.type == "video" else 0,
        "hdr": known and stream.type == "video" and stream.codec_context.color_trc in _HDR_TRANSFERS,
    }


def _tagged_s(stream: Any) -> float | None:
    """Matroska's writers leave the length of a stream as a tag: 00:01:02.345000000."""
    parts = stream.metadata.get("DURATION", "").split(":")
    return float(parts[0]) * 3600 + float(parts[1]) * 60 + float(parts[2]) if len(parts) == 3 else None


if __name__ == "__main__":
    av.logging.restore_default_callback()  # PyAV keeps ffmpeg's complaints to itself; the parent reads them
    av.logging.set_level(av.logging.ERROR)
    try:
        print(json.dumps(end_of_stream(*sys.argv[1:5]) if len(sys.argv) > 4 else describe(*sys.argv[1:4])))
    except Exception as error:  # noqa: BLE001  # whatever a demuxer makes of it, it is the file's fault
        print(json.dumps({"error": str(getattr(error, "strerror", None) or reason_of(error))}))
