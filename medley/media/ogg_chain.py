"""Links of a chained Ogg file: recordings one after the other, as radio stations send them. Only children import this.

Each link has headers of its own (RFC 3533, section 6), and may have another rate, other channels or another codec;
ffmpeg's demuxer goes on with those of the first.
"""

from __future__ import annotations

import io
from typing import Any

_MAGIC, _HEADER_BYTES = b"OggS", 27
_FIRST_PAGE = 0x02  # flag: of a logical stream
_MOST = 1000
_SEARCH_BYTES = 1 << 16


def links_of(path: str) -> list[tuple[int, int]]:
    """Finds where each link begins and ends, in bytes; one link where the file is no chain."""
    begins, at, was_first = [0], 0, True
    with open(path, "rb") as file:
        size = file.seek(0, io.SEEK_END)
        while (page := _page(file, at)) and len(begins) < _MOST:
            at, length, first = page
            if first and not was_first:
                begins.append(at)
            at, was_first = at + length, first
    return list(zip(begins, [*begins[1:], size], strict=True))


def _page(file: Any, at: int) -> tuple[int, int, bool] | None:
    """The next page from `at` on: where it is, its length, whether a logical stream begins with it."""
    file.seek(at)
    header = file.read(_HEADER_BYTES)
    while not header.startswith(_MAGIC):
        if len(header) < _HEADER_BYTES:
            return None
        rest = header + file.read(_SEARCH_BYTES)
        found = rest.find(_MAGIC, 1)
        at += found if found > 0 else max(1, len(rest) - len(_MAGIC))
        file.seek(at)
        header = file.read(_HEADER_BYTES)
    if len(header) < _HEADER_BYTES:
        return None
    lengths = file.read(header[26])
    return at, _HEADER_BYTES + len(lengths) + sum(lengths), bool(header[5] & _FIRST_PAGE)


class Part(io.RawIOBase):
    """Some bytes of a file, as a file."""

    def __init__(self, path: str, begin: int, end: int) -> None:
        self._file = open(path, "rb")  # noqa: SIM115  # closed by `close`
        self._begin, self._size, self._at = begin, end - begin, 0

    def readable(self) -> bool:
        """Returns True: a part of a file can be read."""
        return True

    def seekable(self) -> bool:
        """Returns True: the position within a part of a file can be moved."""
        return True

    def tell(self) -> int:
        """Returns the current position, in bytes from the start of the part."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Moves the current position within the part, as `io.IOBase.seek` does, and returns the new position."""
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence])
        return self._at

    def read(self, size: int = -1) -> bytes:
        """Reads up to `size` bytes of the part from the current position on; all the rest where `size` is negative."""
        left = max(0, self._size - self._at)
        self._file.seek(self._begin + self._at)
        data = self._file.read(left if size < 0 else min(size, left))
        self._at += len(data)
        return data

    def close(self) -> None:
        """Closes the file that the part was opened from."""
        self._file.close()
        super().close()
