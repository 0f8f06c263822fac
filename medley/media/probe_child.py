"""Opens a container and prints what is in it, as one line of JSON. A program: see probe.py, which runs it.

`python -I probe_child.py PATH DEMUXER MAX_STREAMS`. PyAV brings ffmpeg's libraries; they see one demuxer and one file.
"""

import json
import sys
from typing import Any

import av
import av.logging
from av.stream import Disposition

#: PQ (SMPTE ST 2084) and HLG (ARIB STD-B67), as ISO/IEC 23091-2 numbers them.
_HDR_TRANSFERS = (16, 18)


def describe(path: str, demuxer: str, max_streams: str) -> dict[str, Any]:
    """Start and length in seconds (None where unknown), and the audio and video streams."""
    guards = {"protocol_whitelist": "file,pipe", "format_whitelist": demuxer, "max_streams": str(int(max_streams) + 1)}
    with av.open(f"file:{path}", format=demuxer, options=guards) as container:
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
        "type": stream.type,
        "default": bool(stream.disposition & Disposition.default),
        "cover": bool(stream.disposition & Disposition.attached_pic),
        "start_s": None if stream.start_time is None else float(stream.start_time * scale),
        "duration_s": None if stream.duration is None else float(stream.duration * scale),
        "decodable": known,
        "width_px": stream.codec_context.width if known and stream.type == "video" else 0,
        "height_px": stream.codec_context.height if known and stream.type == "video" else 0,
        "hdr": known and stream.type == "video" and stream.codec_context.color_trc in _HDR_TRANSFERS,
    }


if __name__ == "__main__":
    av.logging.restore_default_callback()  # PyAV keeps ffmpeg's complaints to itself; the parent reads them
    av.logging.set_level(av.logging.ERROR)
    try:
        print(json.dumps(describe(*sys.argv[1:4])))
    except (av.FFmpegError, ValueError, OSError) as error:
        print(json.dumps({"error": str(getattr(error, "strerror", None) or error)}))
