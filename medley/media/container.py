"""Opens a container as our children do: one file, one demuxer, nothing else. Loads PyAV, so only children import it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import av

from medley.media.clock import TimeLine


def opened(path: str, demuxer: str, max_streams: int) -> Any:
    """The container; raises av.FFmpegError."""
    guards = {"protocol_whitelist": "file,pipe", "format_whitelist": demuxer, "max_streams": str(max_streams + 1)}
    return av.open(f"file:{path}", format=demuxer, options=guards, metadata_errors="replace")


@dataclass(slots=True)
class Reading:
    """Packets with their places on one time line. Reading ends at what cannot be read: `stopped` says what that was."""

    container: Any
    stopped: str = ""
    line: TimeLine = field(default_factory=TimeLine)
    count: dict[int, int] = field(default_factory=dict)
    torn: dict[int, int] = field(default_factory=dict)  #: packets of which a part is missing

    def packets(self) -> Iterator[tuple[Any, float]]:
        """Each packet of sound and picture, and what has to be added to its time stamps, in seconds."""
        kept = [stream for stream in self.container.streams if stream.type in ("audio", "video")]
        try:
            for packet in self.container.demux(*kept):
                stamp = packet.dts if packet.pts is None else packet.pts
                if not packet.size:
                    continue  # the end of a stream
                index = packet.stream.index
                self.count[index] = self.count.get(index, 0) + 1
                self.torn[index] = self.torn.get(index, 0) + int(packet.is_corrupt)
                yield packet, self._place(packet, stamp)
        except av.FFmpegError as error:
            self.stopped = error.strerror or type(error).__name__

    def _place(self, packet: Any, stamp: int | None) -> float:
        if stamp is None:
            return 0.0
        scale = float(packet.time_base)
        return self.line.place(packet.stream.index, stamp * scale, (packet.duration or 0) * scale)
