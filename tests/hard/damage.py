"""Damaged, misnamed and hostile files."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from pathlib import Path

from tests.hard.case import Case, Make, bytes_of, changed, encoded
from tests.variants import ffmpeg, without_index

_X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25")
_MP4 = encoded(*_X264, "-c:a", "aac", "-movflags", "+faststart")
_MKV = encoded(*_X264, "-c:a", "aac")
_TEN_HOURS_MS = 36_000_000.0

Change = Callable[[bytes], bytes]


def _cut(share: float) -> Change:
    return lambda content: content[: round(len(content) * share)]


def _flipped(seed: int, flips: int) -> Change:
    """Bits turned over anywhere behind the first 64 bytes."""

    def flip(content: bytes) -> bytes:
        rng = random.Random(seed)
        damaged = bytearray(content)
        for _ in range(flips):
            damaged[rng.randrange(64, len(damaged))] ^= 1 << rng.randrange(8)
        return bytes(damaged)

    return flip


def _hole(content: bytes) -> bytes:
    """A tenth of the file as a broken disk gives it back: zeros."""
    first, length = len(content) // 2, len(content) // 10
    return content[:first] + bytes(length) + content[first + length :]


def _ten_hours(content: bytes) -> bytes:
    """Matroska's Duration element (0x4489, eight bytes of a double)."""
    at = content.index(b"\x44\x89\x88") + 3
    return content[:at] + struct.pack(">d", _TEN_HOURS_MS) + content[at + 8 :]


def _without_moov(base: Path, out: Path) -> None:
    whole = out.with_suffix(".whole.mp4")
    ffmpeg("-i", base, *_X264, "-c:a", "aac", whole)
    out.write_bytes(without_index(whole))
    whole.unlink()


def _many_streams(base: Path, out: Path) -> None:
    maps = [argument for _ in range(500) for argument in ("-map", "0:a")]
    ffmpeg("-i", base, *maps, "-t", "0.2", "-c:a", "pcm_s16le", out)


def _partial(name: str, make: Make, **expected: object) -> Case:
    return Case(name, make, "partial", error="CorruptMedia", **expected)  # type: ignore[arg-type,unused-ignore]


def _failed(name: str, make: Make, error: str, says: str) -> Case:
    return Case(name, make, "failed", heard=False, seen=False, error=error, says=says)


CUT_OFF = (
    _partial("cut.mp4", changed(_MP4, _cut(0.7)), says="of 5."),
    _partial("cut.mkv", changed(_MKV, _cut(0.7)), says="of 5."),
    _partial("cut.webm", changed(encoded("-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus"), _cut(0.7))),
    _partial("cut.avi", changed(encoded("-c:v", "mpeg4", "-g", "10", "-c:a", "libmp3lame"), _cut(0.7))),
    _partial("cut.flv", changed(encoded(*_X264, "-c:a", "aac"), _cut(0.7))),
    _partial("cut.wav", changed(encoded("-vn", "-c:a", "pcm_s16le"), _cut(0.7)), seen=False),
    _partial("cut.flac", changed(encoded("-vn", "-c:a", "flac"), _cut(0.7)), seen=False),
    _partial("cut.m4a", changed(encoded("-vn", "-c:a", "aac", "-movflags", "+faststart"), _cut(0.7)), seen=False),
    # these declare no length: what is there is all that can be known
    Case("cut.wmv", changed(encoded("-c:v", "wmv2", "-g", "10", "-c:a", "wmav2"), _cut(0.7)), "complete|partial"),
    Case("cut.ts", changed(encoded(*_X264, "-c:a", "aac"), _cut(0.7)), "complete|partial"),
    Case("cut.mp3", changed(encoded("-vn", "-c:a", "libmp3lame"), _cut(0.7)), "complete|partial", seen=False),
    Case("cut.ogg", changed(encoded("-vn", "-c:a", "libvorbis"), _cut(0.7)), "complete|partial", seen=False),
    _failed("no_index.mp4", _without_moov, "CorruptMedia", "no index"),
    _failed("stump.mkv", changed(_MKV, lambda content: content[:200]), "CorruptMedia", "stump.mkv"),
)

DAMAGED = (
    *(
        Case(
            f"flipped_{seed}.mp4", changed(_MP4, _flipped(seed, 40)), "complete|partial|failed", heard=False, seen=False
        )
        for seed in range(6)
    ),
    *(
        Case(
            f"flipped_{seed}.mkv", changed(_MKV, _flipped(seed, 40)), "complete|partial|failed", heard=False, seen=False
        )
        for seed in range(4)
    ),
    Case("hole.mp4", changed(_MP4, _hole), "partial", heard=False, seen=False, error="CorruptMedia"),
    Case("hole.ts", changed(encoded(*_X264, "-c:a", "aac"), _hole), "complete|partial", heard=False, seen=False),
    Case("ten_hours.mkv", changed(_MKV, _ten_hours), "complete|partial"),
    Case("trailing_garbage.mp4", changed(_MP4, lambda content: content + random.Random(1).randbytes(200_000))),
    Case(
        "trailing_garbage.mp3",
        changed(encoded("-vn", "-c:a", "libmp3lame"), lambda c: c + bytes(50_000)),
        seen=False,
        status="complete|partial",
    ),
    _failed(
        "leading_garbage.mp4",
        changed(_MP4, lambda c: random.Random(2).randbytes(5000) + c),
        "UnsupportedMedia",
        "no container",
    ),
)


def _too_huge_frame(base: Path, out: Path) -> None:
    scale = ("-vf", "scale=8194:8194", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p")
    ffmpeg("-i", base, "-an", "-frames:v", "1", *scale, out)


MISNAMED = (
    Case("video.txt", encoded(*_X264, "-c:a", "aac", "-f", "mp4")),
    Case("matroska.mp4", encoded(*_X264, "-c:a", "aac", "-f", "matroska")),
    Case("no_suffix", encoded(*_X264, "-c:a", "aac", "-f", "mp4")),
    Case("-dash and 'quote' and %d.mp4", _MP4),
    Case("http:colon.mp4", _MP4),
    Case("ünïcödé 日本 🎬.mp4", _MP4),
    _failed("picture.mp4", bytes_of(b"\x89PNG\r\n\x1a\n" + bytes(100)), "UnsupportedMedia", "image/png"),
    _failed("empty.mp4", bytes_of(b""), "", "empty"),
    _failed("zeros.mp4", bytes_of(bytes(100_000)), "UnsupportedMedia", "no container"),
    _failed("page.mp4", bytes_of(b"<html><body>Not found</body></html>"), "UnsupportedMedia", "text"),
    _failed(
        "playlist.mp4",
        bytes_of(b"#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:1,\n/etc/passwd\n"),
        "UnsupportedMedia",
        "playlist",
    ),
    _failed("concat.mp4", bytes_of(b"ffconcat version 1.0\nfile /etc/passwd\n"), "UnsupportedMedia", "ffconcat"),
    _failed("many_streams.mkv", _many_streams, "TooLarge", "streams"),
    _failed("too_huge_frame.mkv", _too_huge_frame, "TooLarge", "8194x8194"),
)
