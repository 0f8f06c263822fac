"""Opens a container as our children do: one file, one demuxer, nothing else. Loads PyAV, so only children import it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import av

from medley.media.clock import TimeLine
from medley.media.ogg_chain import Part, links_of

_OGG = "ogg"


def opened(path: str, demuxer: str, max_streams: int) -> Any:
    """Opens the container, or the first link where the file is a chain. Raises av.FFmpegError."""
    links = links_of(path) if demuxer == _OGG else []
    if len(links) > 1:
        return _link(path, links[0], max_streams)
    return av.open(f"file:{path}", format=demuxer, options=_guards(demuxer, max_streams), metadata_errors="replace")


def links_after(path: str, demuxer: str, max_streams: int) -> Iterator[Any]:
    """Yields the other links of a chain, each one opened when that link is asked for. Raises av.FFmpegError."""
    for link in links_of(path)[1:] if demuxer == _OGG else ():
        with _link(path, link, max_streams) as container:
            yield container


def _link(path: str, place: tuple[int, int], max_streams: int) -> Any:
    guards = _guards(_OGG, max_streams)
    return av.open(Part(path, *place), format=_OGG, options=guards, metadata_errors="replace")


def _guards(demuxer: str, max_streams: int) -> dict[str, str]:
    return {"protocol_whitelist": "file,pipe", "format_whitelist": demuxer, "max_streams": str(max_streams + 1)}


@dataclass(slots=True)
class Texts:
    """What the packets of a stream of subtitles say: how many, how long they are shown, when the last one begins."""

    count: int = 0
    shown_s: float = 0.0
    last_s: float = 0.0

    def add(self, packet: Any) -> None:
        """Counts a packet; an empty one takes a subtitle away."""
        if packet.size and packet.pts is not None:
            scale = float(packet.time_base)
            self.count += 1
            self.shown_s += (packet.duration or 0) * scale
            self.last_s = max(self.last_s, packet.pts * scale)


@dataclass(slots=True)
class Reading:
    """Packets with their places on one time line. Reading ends at what cannot be read: `stopped` says what that was.

    `more`: containers that go on where this one ends. Of those only sound is read: see `links_after`.
    """

    container: Any
    more: Iterable[Any] = ()
    stopped: str = ""
    line: TimeLine = field(default_factory=TimeLine)
    count: dict[int, int] = field(default_factory=dict)
    torn: dict[int, int] = field(default_factory=dict)  #: packets of which a part is missing
    texts: dict[int, Texts] = field(default_factory=dict)  #: subtitles, of streams that are asked for

    def packets(self) -> Iterator[tuple[Any, float]]:
        """Yields each packet of sound and picture, and the seconds to add to the packet's time stamps."""
        try:
            yield from self._packets(self.container, ("audio", "video"))
            for container in self.more:
                yield from self._packets(container, ("audio",))
        except av.FFmpegError as error:
            self.stopped = error.strerror or type(error).__name__

    def _packets(self, container: Any, kinds: tuple[str, ...]) -> Iterator[tuple[Any, float]]:
        kept = [stream for stream in container.streams if stream.type in kinds or stream.index in self.texts]
        for packet in container.demux(*kept) if kept else ():
            stamp = packet.dts if packet.pts is None else packet.pts
            if not packet.size:
                continue  # the end of a stream
            index = packet.stream.index
            if index in self.texts:
                self.texts[index].add(packet)
                continue
            self.count[index] = self.count.get(index, 0) + 1
            self.torn[index] = self.torn.get(index, 0) + int(packet.is_corrupt)
            yield packet, self._place(packet, stamp)

    def _place(self, packet: Any, stamp: int | None) -> float:
        if stamp is None:
            return 0.0
        scale = float(packet.time_base)
        return self.line.place(packet.stream.index, stamp * scale, (packet.duration or 0) * scale)
