"""Reads one stream of subtitles of a container. A program: see subtitle_tracks.py, which runs it.

Its job is {"path", "demuxer", "max_streams", "stream", "start_s"}; it tells each subtitle as plain text with its times.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import av
import av.logging
import pysubs2

from medley.media.container import opened
from medley.media.job_child import Tell, reason_of, serve

_FIELDS = 8  # before the text of an event of ASS, as decoders give it


def work(job: dict[str, Any], tell: Tell) -> None:
    """Tells the subtitles of the job's stream in the file's order; at last why reading ended, if not at the end."""
    try:
        with opened(job["path"], job["demuxer"], job["max_streams"]) as container:
            stream = container.streams[job["stream"]]
            for packet in container.demux(stream):
                for text in _texts(packet):
                    tell(_placed(packet, text, job["start_s"]))
    except Exception as error:  # noqa: BLE001  # whatever a demuxer makes of it, it is the file's fault
        tell({"stopped": str(getattr(error, "strerror", None) or reason_of(error))})


def _texts(packet: Any) -> Iterator[str]:
    """Plain text of what is shown with a packet: every decoder makes an event of ASS of it."""
    if not packet.size or packet.pts is None:
        return
    for shown in packet.decode():
        said = getattr(shown, "ass", b"").decode("utf-8", "replace").split(",", _FIELDS)
        event = pysubs2.SSAEvent(text=said[-1])
        if not event.is_drawing and (text := event.plaintext.strip()):
            yield text


def _placed(packet: Any, text: str, start_s: float) -> dict[str, Any]:
    scale = float(packet.time_base)
    begin_s = packet.pts * scale - start_s
    return {"start_s": round(begin_s, 3), "end_s": round(begin_s + (packet.duration or 0) * scale, 3), "text": text}


if __name__ == "__main__":
    av.logging.restore_default_callback()
    av.logging.set_level(av.logging.ERROR)
    serve(work)
