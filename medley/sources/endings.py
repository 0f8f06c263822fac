"""Whether a file ends as its format wants: one that is cut off does not."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

_PDF_TAIL = 1024  # Adobe's readers look for the mark there
_MOST_BOXES = 10_000


def ends_whole(path: Path) -> bool:
    """Tells whether a file certainly ends as its format wants.

    False where the end is missing, where the format does not say how files end, or where the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            head = file.read(16)
            return any(head[at : at + len(mark)] == mark and ends(file, size) for at, mark, ends in _FORMATS)
    except (OSError, struct.error):
        return False


def _with(mark: bytes) -> Callable[[BinaryIO, int], bool]:
    def ends(file: BinaryIO, size: int) -> bool:
        return _tail(file, size, len(mark)) == mark

    return ends


def _tail(file: BinaryIO, size: int, count: int) -> bytes:
    file.seek(max(0, size - count))
    return file.read(count)


def _pdf(file: BinaryIO, size: int) -> bool:
    return b"%%EOF" in _tail(file, size, _PDF_TAIL)


def _riff(file: BinaryIO, size: int) -> bool:
    """Its header says how long it is; a length that was not known when it was written is 0 or the largest number."""
    file.seek(4)
    told = struct.unpack("<I", file.read(4))[0] + 8
    return bool(size in (told, told + told % 2))


def _boxes(file: BinaryIO, size: int) -> bool:
    """MP4, MOV, HEIC, AVIF: boxes, each with its length, one of which says what the others hold."""
    at, kinds = 0, set()
    for _ in range(_MOST_BOXES):
        file.seek(at)
        length, kind = struct.unpack(">I4s", file.read(8))
        if length == 1:
            length = struct.unpack(">Q", file.read(8))[0]
        kinds.add(kind)
        at += length
        if at >= size or length < 8:  # 0: to the end, wherever that will be
            break
    return at == size and bool(kinds & {b"moov", b"meta"})


#: Place and bytes of each format's mark, and how it ends. ISO 10918-1, 15948, 32000-1, 14496-12; RIFF: Microsoft, 1991.
_FORMATS: tuple[tuple[int, bytes, Callable[[BinaryIO, int], bool]], ...] = (
    (0, b"\xff\xd8\xff", _with(b"\xff\xd9")),
    (0, b"\x89PNG\r\n", _with(b"\0\0\0\0IEND\xaeB`\x82")),
    (0, b"GIF8", _with(b";")),
    (0, b"%PDF-", _pdf),
    (0, b"RIFF", _riff),
    (4, b"ftyp", _boxes),
)
