"""PDFs and pictures for the tests, made with what they are to hold."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
from PIL import Image, ImageDraw
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


def columns(title: str, left: Sequence[str], right: Sequence[str]) -> Any:
    """A title above two columns whose lines are drawn row by row."""
    rows = [(at, 120.0 + 14 * n, words) for at, side in ((60.0, left), (320.0, right)) for n, words in enumerate(side)]
    rows.sort(key=lambda row: (row[1], row[0]))
    return text((60.0, 70.0, title), *rows, size=10.0)


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
