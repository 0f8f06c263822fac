"""Opens a container and says what is in it, after reading every packet of it. A program: see probe.py, which runs it.

Its job is {"path", "demuxer", "max_streams"}, and for the packets of one stream {"index"}. PyAV brings ffmpeg's
libraries; they see one demuxer and one file. Nothing is decoded.
"""

import re
from collections.abc import Iterable
from typing import Any

import av
import av.logging
from av.stream import Disposition

from medley.media.container import Reading, Texts, links_after, opened
from medley.media.job_child import Tell, reason_of, serve

#: PQ (SMPTE ST 2084) and HLG (ARIB STD-B67), as ISO/IEC 23091-2 numbers them.
_HDR_TRANSFERS = (16, 18)
_UNSPECIFIED = 2  # in the same standard, of primaries and of matrices
#: What is told beside the film or about it, and is not what a player begins with.
_BESIDE = Disposition.comment | Disposition.visual_impaired | Disposition.descriptions | Disposition.karaoke
#: Subtitles as pictures: of DVDs, Blu-rays, DVB and DivX.
_PICTURES_OF_TEXT = frozenset(
    {"dvdsub", "dvd_subtitle", "pgssub", "hdmv_pgs_subtitle", "dvbsub", "dvb_subtitle", "xsub"}
)
_MOST_CHAPTERS = 10_000
_ALPHA = re.compile(r"^(yuva|gbrap|rgba|bgra|argb|abgr|ya8|ya16|rgba64|bgra64|pal8)")


def describe(container: Any, more: Iterable[Any]) -> dict[str, Any]:
    """Describes start and length as declared in seconds (None where not declared), streams, and their packets."""
    streams = [stream for stream in container.streams if stream.type in ("audio", "video")]
    known = [_stream(stream) for stream in streams]
    subtitles = [stream for stream in container.streams if stream.type == "subtitle"]
    texts = {stream.index: Texts() for stream in subtitles if _is_text(stream)}
    reading, locked = Reading(container, more, texts=texts), set()
    for packet, _ in reading.packets():
        if packet.has_sidedata("encryption_info"):
            locked.add(packet.stream.index)
    for stream in known:
        index = stream["index"]
        stream |= {"packets": reading.count.get(index, 0), "line_end_s": reading.line.end_of(index)}
        stream["encrypted"] = index in locked
    return {
        "duration_s": None if container.duration is None else container.duration / av.time_base,
        "count": len(container.streams),
        "streams": known,
        "restarts": reading.line.restarts,
        "gaps": [[gap.at_s, gap.length_s] for gap in reading.line.gaps],
        "stopped": reading.stopped,
        "tags": _tags(container),
        "texts": [_text(stream, texts.get(stream.index)) for stream in subtitles],
        "chapters": _chapters(container),
    }


def _is_text(stream: Any) -> bool:
    """Whether subtitles are letters, not pictures of letters; teletext needs a decoder that is not there."""
    context = stream.codec_context
    return context is not None and context.codec.name not in _PICTURES_OF_TEXT


def _text(stream: Any, found: Texts | None) -> dict[str, Any]:
    """A stream of subtitles; without `count` where they are no text."""
    told = {
        "stream": stream.index,
        "language": (stream.language or "").replace("und", ""),
        "title": stream.metadata.get("title", ""),
        "default": bool(stream.disposition & Disposition.default),
        "beside": bool(stream.disposition & _BESIDE),
        "forced": bool(stream.disposition & Disposition.forced),
    }
    return told | ({"count": found.count, "shown_s": found.shown_s, "last_s": found.last_s} if found else {})


def _chapters(container: Any) -> list[dict[str, Any]]:
    """Chapters on the container's clock; those of the first link, where a file is a chain."""
    return [
        {
            "start_s": float(chapter["start"] * chapter["time_base"]),
            "end_s": float(chapter["end"] * chapter["time_base"]),
            "title": chapter["metadata"].get("title", ""),
        }
        for chapter in container.chapters()[:_MOST_CHAPTERS]
    ]


def _tags(container: Any) -> dict[str, str]:
    """Title and the like; Ogg has them in its streams."""
    of_streams = [stream.metadata for stream in container.streams if container.format.name == "ogg"]
    return {name: value for tags in (*of_streams, container.metadata) for name, value in tags.items()}


def pictures(container: Any, index: int) -> dict[str, Any]:
    """Lists each packet of a picture stream: its time stamp, its time on the line, and whether it is a keyframe.

    `unit_s`: seconds of a step of the stamps. Packets without a stamp are counted only.
    """
    reading, stream = Reading(container), container.streams[index]
    unit_s = float(stream.time_base)
    found, without = [], 0
    for packet, offset_s in reading.packets():
        if packet.stream.index != index or packet.is_discard:
            continue
        if packet.pts is None:
            without += 1
        else:
            found.append([packet.pts, round(packet.pts * unit_s + offset_s, 6), int(packet.is_keyframe)])
    return {"unit_s": unit_s, "pictures": found, "without": without, "end_s": reading.line.end_of(index)}


def _stream(stream: Any) -> dict[str, Any]:
    scale = stream.time_base
    known = stream.codec_context is not None
    picture = known and stream.type == "video"
    colour = stream.codec_context if picture else None
    hdr = bool(colour and colour.color_trc in _HDR_TRANSFERS)
    return {
        "index": stream.index,
        "language": (stream.language or "").replace("und", ""),  # und: undetermined (ISO 639-2)
        "type": stream.type,
        "default": bool(stream.disposition & Disposition.default),
        "beside": bool(stream.disposition & _BESIDE),
        "cover": bool(stream.disposition & Disposition.attached_pic),
        "start_s": None if stream.start_time is None else float(stream.start_time * scale),
        "duration_s": _tagged_s(stream) if stream.duration is None else float(stream.duration * scale),
        "decodable": known,
        "width_px": colour.width if colour else 0,
        "height_px": colour.height if colour else 0,
        "hdr": hdr,
        "unsaid": _unsaid(colour) if hdr else [],
        "alpha": bool(colour and colour.pix_fmt and _ALPHA.match(colour.pix_fmt)),
    }


def _unsaid(colour: Any) -> list[str]:
    known = {"color_primaries": colour.color_primaries, "colorspace": colour.colorspace}
    return [name for name, value in known.items() if value == _UNSPECIFIED]


def _tagged_s(stream: Any) -> float | None:
    """Matroska's writers leave the length of a stream as a tag: 00:01:02.345000000."""
    found = re.fullmatch(r"(\d{1,6}):(\d{1,2}):(\d{1,2}(?:\.\d+)?)", stream.metadata.get("DURATION", ""))
    return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3]) if found else None


def work(job: dict[str, Any], tell: Tell) -> None:
    """Opens the job's container and tells its contents, or the packets of one stream; see the module."""
    try:
        with opened(job["path"], job["demuxer"], job["max_streams"]) as container:
            if len(container.streams) > job["max_streams"]:
                tell({"count": len(container.streams)})
            else:
                more = links_after(job["path"], job["demuxer"], job["max_streams"])
                tell(pictures(container, job["index"]) if "index" in job else describe(container, more))
    except Exception as error:  # noqa: BLE001  # whatever a demuxer makes of it, it is the file's fault
        tell({"error": str(getattr(error, "strerror", None) or reason_of(error))})


if __name__ == "__main__":
    av.logging.restore_default_callback()  # PyAV keeps ffmpeg's complaints to itself; the parent reads them
    av.logging.set_level(av.logging.ERROR)
    serve(work)
