"""PDFs and pictures for the tests, made with what they are to hold."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
from PIL import Image, ImageDraw, ImageOps
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

WIDTH, HEIGHT = A4


def pdf(path: Path, *pages: Any, **options: Any) -> Path:
    """A document; each of `pages` draws on the canvas."""
    canvas = Canvas(str(path), pagesize=A4, **options)
    for draw in pages:
        draw(canvas)
        canvas.showPage()
    canvas.save()
    return path


def text(*lines: tuple[float, float, str], size: float = 11.0) -> Any:
    """Lines at (x, y of their base from the top) in points."""

    def draw(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", size)
        for x, y, words in lines:
            canvas.drawString(x, HEIGHT - y, words)

    return draw


def both(one: Any, other: Any) -> Any:
    """On one page."""
    return lambda canvas: (one(canvas), other(canvas))


def columns(title: str, left: Sequence[str], right: Sequence[str]) -> Any:
    """A title above two columns whose lines are drawn row by row."""
    rows = [(at, 120.0 + 14 * n, words) for at, side in ((60.0, left), (320.0, right)) for n, words in enumerate(side)]
    rows.sort(key=lambda row: (row[1], row[0]))
    return text((60.0, 70.0, title), *rows, size=10.0)


def raw_pdf(path: Path, content: bytes, resources: bytes, *more: bytes, catalog: bytes = b"") -> Path:
    """A page written by hand: its content, its resources, and the objects from number 5 on that these name."""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R" + catalog + b">>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<<" + resources + b">>>>",
        stream(b"", content),
        *more,
    ]
    out, places = b"%PDF-1.7\n", []
    for n, made in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (n, made)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, len(out))
    path.write_bytes(out + b"xref\n0 %d\n0000000000 65535 f \n%b%b" % (len(objects) + 1, table, end))
    return path


def stream(keys: bytes, data: bytes) -> bytes:
    """An object with data."""
    return b"<<%b/Length %d>>stream\n%b\nendstream" % (keys, len(data), data)


def encoded_picture(path: Path, image: Image.Image, keys: bytes, data: bytes) -> Path:
    """`image`, which is `data` in the encoding that `keys` say, 200 by 150 points at (100, 192) from the top left."""
    size = b"/Type/XObject/Subtype/Image/Width %d/Height %d" % image.size
    return raw_pdf(path, b"q 200 0 0 150 100 500 cm /I Do Q", b"/XObject<</I 5 0 R>>", stream(size + keys, data))


def jbig2(image: Image.Image) -> bytes:
    """A page of one region in Group 4 coding (ITU-T T.88, 7.4.6), as PDFs embed it; black is 1."""
    buffer = io.BytesIO()
    ImageOps.invert(image.convert("L")).convert("1").save(buffer, "TIFF", compression="group4", strip_size=1 << 24)
    with Image.open(buffer) as tiff:
        at, count = tiff.tag_v2[273][0], tiff.tag_v2[279][0]  # type: ignore[attr-defined]  # the one strip
    page = struct.pack(">IIIIBH", *image.size, 0, 0, 0, 0)
    region = struct.pack(">IIIIBB", *image.size, 0, 0, 0, 1) + buffer.getvalue()[at : at + count]
    parts = ((0, 48, page), (1, 38, region))
    return b"".join(struct.pack(">IBBBI", n, kind, 0, 1, len(part)) + part for n, kind, part in parts)


def hebrew(path: Path, *lines: tuple[float, float, str]) -> Path:
    """Lines as most programs write them: drawn from left to right in the order in which they are seen."""
    code = {letter: 65 + n for n, letter in enumerate(sorted({c for *_, words in lines for c in words} - {" "}))}
    code[" "] = 32
    pairs = "".join(f"<{byte:02x}> <{ord(letter):04x}>\n" for letter, byte in code.items())
    table = (
        f"begincmap 1 begincodespacerange <00> <ff> endcodespacerange {len(code)} beginbfchar {pairs}endbfchar endcmap"
    )
    content = b""
    for x, y, words in lines:
        seen = bytes(code[letter] for letter in reversed(words))
        content += b"BT /F 11 Tf %f %f Td <%b> Tj ET\n" % (x, 842 - y, seen.hex().encode())
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/ToUnicode 6 0 R>>"
    return raw_pdf(path, content, b"/Font<</F 5 0 R>>", font, stream(b"", table.encode()))


def picture(size: tuple[int, int] = (320, 240), colour: str = "red", shape: str = "ellipse") -> Image.Image:
    """A shape in the middle."""
    made = Image.new("RGB", size, "white")
    box = (size[0] // 4, size[1] // 4, size[0] * 3 // 4, size[1] * 3 // 4)
    getattr(ImageDraw.Draw(made), shape)(box, fill=colour)
    return made


def placed(image: Image.Image, x: float, y: float, width: float, height: float) -> Any:
    """A picture on a page, (x, y) from the top left."""

    def draw(canvas: Canvas) -> None:
        canvas.drawImage(ImageReader(image), x, HEIGHT - y - height, width, height)

    return draw


def scan_of(source: Path, target: Path, *, dpi: float = 150.0, degrees: float = 2.0) -> Path:
    """The first page of `source` as a crooked picture, and nothing else."""
    page = pdfium.PdfDocument(source)[0].render(scale=dpi / 72.0).to_pil().convert("L")
    turned = page.rotate(degrees, fillcolor=255)
    buffer = io.BytesIO()
    turned.save(buffer, "JPEG", quality=80)
    return pdf(target, placed(Image.open(buffer), 0, 0, WIDTH, HEIGHT))
