"""Files that somebody sends to do harm, or that a broken disk gives back."""

from __future__ import annotations

import io
import random
import zlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from PIL import Image

from tests.documents import pdf, picture, raw_pdf, text
from tests.variants import ffmpeg

Maker = Callable[[random.Random, Path, str], bytes]
_X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "5", "-pix_fmt", "yuv420p")
_MEDIA = {
    "mp4": (*_X264, "-c:a", "aac"),
    "mkv": (*_X264, "-c:a", "libopus"),
    "ts": (*_X264, "-c:a", "ac3"),
    "avi": ("-c:v", "mpeg4", "-c:a", "libmp3lame"),
    "webm": ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libvorbis"),
    "mp3": ("-vn", "-c:a", "libmp3lame"),
    "wav": ("-vn", "-c:a", "pcm_s16le"),
    "flac": ("-vn", "-c:a", "flac"),
    "ogg": ("-vn", "-c:a", "libvorbis"),
}
_PICTURES = ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "AVIF", "JPEG2000", "PPM")


@lru_cache
def sound_files(directory: Path) -> dict[str, bytes]:
    """One small file of each kind that is as it should be."""
    found = {}
    for kind, options in _MEDIA.items():
        out = directory / f"sound.{kind}"
        source = ("-f", "lavfi", "-i", "testsrc=s=96x64:r=10:d=1", "-f", "lavfi", "-i", "sine=d=1")
        ffmpeg(*source, *options, out)
        found[kind] = out.read_bytes()
    for kind in _PICTURES:
        buffer = io.BytesIO()
        picture((96, 64)).save(buffer, kind)
        found[kind] = buffer.getvalue()
    pdf(
        directory / "sound.pdf", text((72, 100, "A page of text."), (72, 120, "And more.")), text((72, 100, "Another."))
    )
    found["pdf"] = (directory / "sound.pdf").read_bytes()
    return found


def hostile_file(seed: int, number: int, directory: Path, canary: str) -> tuple[str, bytes]:
    """A name and what is in the file. `canary`: a URL or path that nobody may follow."""
    rng = random.Random(f"hostile {seed} {number}")
    return f"{number:05d}-{_name(rng)}", rng.choice(_MAKERS)(rng, directory, canary)


def _name(rng: random.Random) -> str:
    return rng.choice(
        ("a.mp4", "-x.jpg", "http:x.mp4", "%d%s%n.png", "a\x1b[31mb\x07.pdf", "\u202egpj.exe", "a b'\"$(x).mp3",
         "\udce9\udcff.mkv", "$HOME", "x" * 200, "{}.pdf", "a\nb.wav", "..mp4", "concat:a|b.ts")
    )  # fmt: skip


def _flipped(rng: random.Random, directory: Path, canary: str) -> bytes:
    content = bytearray(rng.choice(sorted(sound_files(directory).items()))[1])
    for _ in range(rng.choice((1, 3, 20, 200))):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    return bytes(content)


def _cut(rng: random.Random, directory: Path, canary: str) -> bytes:
    content = rng.choice(sorted(sound_files(directory).items()))[1]
    return content[: rng.randrange(1, len(content))]


def _spliced(rng: random.Random, directory: Path, canary: str) -> bytes:
    first, second = (rng.choice(sorted(sound_files(directory).items()))[1] for _ in range(2))
    return first[: rng.randrange(1, len(first))] + second[rng.randrange(len(second)) :]


def _stretched(rng: random.Random, directory: Path, canary: str) -> bytes:
    """Lengths and counts in a header that promise more than there is."""
    content = bytearray(rng.choice(sorted(sound_files(directory).items()))[1])
    at = rng.randrange(4, min(400, len(content) - 4))
    content[at : at + 4] = rng.choice((b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", bytes(4)))
    return bytes(content)


def _noise(rng: random.Random, directory: Path, canary: str) -> bytes:
    head = rng.choice(sorted(sound_files(directory).items()))[1][: rng.choice((4, 16, 64))]
    return head + rng.randbytes(rng.choice((0, 100, 5000)))


def _pointing(rng: random.Random, directory: Path, canary: str) -> bytes:
    """Formats that name other files."""
    return rng.choice(
        (
            f"#EXTM3U\n#EXTINF:1,\n{canary}\n",
            f"ffconcat version 1.0\nfile {canary}\n",
            f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{canary}"/></svg>',
            f'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "{canary}">]><a>&b;</a>',
            f"[playlist]\nFile1={canary}\n",
            f"RTSPtext\n{canary}",
        )
    ).encode()


def _words(count: int) -> bytes:
    places = ((x * 3 % 590, y * 200) for x in range(count) for y in range(4))
    return b"".join(b"BT /F 6 Tf %d %d Td (word) Tj ET\n" % place for place in places)


def _page(rng: random.Random, directory: Path, canary: str) -> bytes:
    """Small PDFs that are much work, or point elsewhere."""
    url = canary.encode()
    link = b"<</Type/Annot/Subtype/Link/Rect[0 0 9 9]/A<</S/URI/URI(" + url + b")>>>>"
    script = b"<</O<</S/JavaScript/JS(app.launchURL\\('" + url + b"'\\))>>>>"
    content, extra = rng.choice(
        (
            (_words(400), b""),
            (b"0 0 m 595 842 l S\n" * 20_000, b""),
            (b"/X Do\n" * 2_000, b""),
            (b"q " * 50_000, b""),
            (b"BT /F 12 Tf 72 700 Td (see there) Tj ET", b">>/Annots[" + link + b"]/AA" + script + b"/X<<"),
            (b"", b">>/MediaBox[0 0 1000000 1000000]/X<<"),
        )
    )
    fonts = b"/Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>/XObject<</X 5 0 R>>"
    keys = b"<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 5 0 R>>>>/Length 5>>"
    form = keys + b"stream\n/X Do\nendstream"  # it draws itself
    return raw_pdf(directory / "page.pdf", content, fonts + extra, form).read_bytes()


def _bomb(rng: random.Random, directory: Path, canary: str) -> bytes:
    """Pictures that are small as files."""
    side = rng.choice((20_000, 50_000, 65_000))
    buffer = io.BytesIO()
    Image.new("1", (64, 64)).save(buffer, "PNG")
    content = bytearray(buffer.getvalue())
    content[16:24] = side.to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(bytes(content[12:29])).to_bytes(4, "big")
    return bytes(content)


_MAKERS: tuple[Maker, ...] = (
    _flipped,
    _flipped,
    _flipped,
    _cut,
    _cut,
    _spliced,
    _stretched,
    _stretched,
    _noise,
    _pointing,
    _page,
    _bomb,
)
