"""Tables on pages of PDFs and on scans: cells exactly, and no table where there is none."""

from __future__ import annotations

import csv
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
import pytest
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table

from medley.media.layout import Line
from medley.media.pdf import Page, read_pages, write_page, write_tables
from medley.media.tables import blocks_with_tables
from medley.passages import passages
from tests.documents import HEIGHT, columns, pdf
from tests.media.test_pdf import parsed

_STYLES = getSampleStyleSheet()
_BLACK = colors.black
_ALL = ((0, 0), (-1, -1))
SALES = [
    ["Region", "Q1", "Q2", "Q3", "Total"],
    ["North", "12", "15", "9", "36"],
    ["South", "7", "8", "10", "25"],
    ["Überland", "1,204", "99", "3", "1,306"],
]
_RULED = {
    "a grid": [("GRID", *_ALL, 0.5, _BLACK)],
    "a narrow grid": [("GRID", *_ALL, 0.5, _BLACK), ("LEFTPADDING", *_ALL, 1), ("RIGHTPADDING", *_ALL, 1)],
    "rules above and below": [("LINEABOVE", (0, 0), (-1, 0), 1, _BLACK), ("LINEBELOW", (0, -1), (-1, -1), 1, _BLACK)],
    "open sides": [("LINEBEFORE", (1, 0), (-1, -1), 0.5, _BLACK), ("LINEBELOW", (0, 0), (-1, 0), 0.5, _BLACK)],
    "stripes": [("ROWBACKGROUNDS", *_ALL, [colors.lightgrey, colors.white])],
    "no rules": [],
}


def document(path: Path, table: Table, **options: Any) -> Path:
    """A title, a paragraph, the table, a paragraph."""
    above = Paragraph("How much was sold in each region, quarter by quarter, before taxes. " * 4, _STYLES["BodyText"])
    below = Paragraph("The north sold more than the south in all quarters but the last. " * 4, _STYLES["BodyText"])
    title = Paragraph("Sales of the year", _STYLES["Heading1"])
    SimpleDocTemplate(str(path), **options).build([title, above, Spacer(1, 12), table, Spacer(1, 12), below])
    return path


def tables(page: Page) -> list[list[list[str]]]:
    """Cells of the tables of a page."""
    return [[list(row) for row in block.cells] for block in page.blocks if block.cells]


@pytest.mark.parametrize("style", _RULED)
def test_cells_are_exact(tmp_path: Path, style: str) -> None:
    [page] = parsed(document(tmp_path / "a.pdf", Table(SALES, style=_RULED[style])))
    assert tables(page) == [SALES]
    kinds = [bool(block.cells) for block in page.blocks]
    assert kinds.index(True) > 0, "after what stands above it"
    assert kinds[-1] is False, "before what stands below it"


@pytest.mark.parametrize("turned", [90, 180, 270])
def test_cells_of_a_turned_page(tmp_path: Path, turned: int) -> None:
    path = document(tmp_path / "a.pdf", Table(SALES, style=_RULED["a narrow grid"]))
    written = pdfium.PdfDocument(path)
    written[0].set_rotation(turned)
    written.save(tmp_path / "turned.pdf")
    [page] = parsed(tmp_path / "turned.pdf")
    assert page.blocks
    if turned == 180:
        return  # text upside down is text
    assert "1,306" in " ".join(block.text for block in page.blocks)


def test_a_landscape_page(tmp_path: Path) -> None:
    """Text that runs upwards on a page that is shown turned: what scanners and office programs write."""
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=A4)
    canvas.translate(A4[0], 0)
    canvas.rotate(90)
    table = Table(SALES, style=_RULED["a narrow grid"])
    table.wrapOn(canvas, 500, 500)
    table.drawOn(canvas, 100, 300)
    canvas.showPage()
    canvas.save()
    written = pdfium.PdfDocument(tmp_path / "a.pdf")
    written[0].set_rotation(90)
    written.save(tmp_path / "turned.pdf")
    [page] = parsed(tmp_path / "turned.pdf")
    assert tables(page) == [SALES]


def test_cells_that_span_others(tmp_path: Path) -> None:
    cells = [["Sales", "", "", "Sum"], ["Region", "Q1", "Q2", ""], ["North", "12", "15", "27"]]
    style = [("GRID", *_ALL, 0.5, _BLACK), ("SPAN", (0, 0), (2, 0)), ("SPAN", (3, 0), (3, 1))]
    [page] = parsed(document(tmp_path / "a.pdf", Table(cells, style=style)))
    assert tables(page) == [cells]


@pytest.mark.parametrize("style", ["a grid", "no rules"])
def test_cells_of_several_lines(tmp_path: Path, style: str) -> None:
    long = "Lifts boxes of up to twenty tons from ships onto the quay, at any tide and in winds of up to seven"
    cells = [["Name", "What it does", "Price"], ["Crane", long, "1200"], ["Buoy", "Shows deep water", "90"]]
    cells.append(["Tug", "Pulls ships which cannot turn", "800"])
    wrapped = [[Paragraph(cell, _STYLES["BodyText"]) for cell in row] for row in cells]
    styles = [*_RULED[style], ("VALIGN", *_ALL, "TOP")]
    [page] = parsed(document(tmp_path / "a.pdf", Table(wrapped, colWidths=[80, 180, 60], style=styles)))
    assert tables(page) == [cells]


def test_empty_cells_and_titles_among_the_rows(tmp_path: Path) -> None:
    cells = [["Item", "May", "June"], ["Rope", "3", ""], ["By sea", "", ""], ["Nets", "", "4"], ["Oil", "5", "6"]]
    [page] = parsed(document(tmp_path / "a.pdf", Table(cells)))
    assert tables(page) == [cells]


def test_text_is_no_table(tmp_path: Path) -> None:
    prose = [f"line {n} of a column tells of ships and of the sea" for n in range(12)]

    def chart(canvas: Canvas) -> None:
        for at in range(100, 401, 50):
            canvas.line(100, HEIGHT - at, 400, HEIGHT - at)
            canvas.line(at, HEIGHT - 400, at, HEIGHT - 100)
        canvas.drawString(120, HEIGHT - 120, "rising")
        canvas.drawString(320, HEIGHT - 380, "falling")

    def list_of(canvas: Canvas) -> None:
        for n in range(8):
            canvas.drawString(60, HEIGHT - 100 - 16 * n, (f"{n + 1}.", "•", "(a)")[n // 3])
            canvas.drawString(90, HEIGHT - 100 - 16 * n, f"Point {n} of this list is a sentence of some length.")

    made = pdf(tmp_path / "a.pdf", columns("Of two columns", prose, prose), chart, list_of)
    assert [tables(page) for page in parsed(made)] == [[], [], []]


def test_a_table_beside_prose(tmp_path: Path) -> None:
    prose = [f"line {n} of this column tells of ships and of the sea" for n in range(14)]

    def draw(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", 9)
        for n, words in enumerate(prose):
            canvas.drawString(330, HEIGHT - 120 - 14 * n, words)
        for n in range(4):
            canvas.drawString(60, HEIGHT - 120 - 14 * n, prose[n])
        for n, row in enumerate(SALES):
            for at, cell in zip((60, 120, 160, 200, 240), row, strict=True):
                canvas.drawString(at, HEIGHT - 180 - 14 * n, cell)
        for n in range(4):
            canvas.drawString(60, HEIGHT - 240 - 14 * n, prose[n])

    [page] = parsed(pdf(tmp_path / "a.pdf", draw))
    assert tables(page) == [SALES]
    assert " ".join(prose) in " ".join(block.text for block in page.blocks)


def _scanned(rows: Sequence[Sequence[str]]) -> list[Line]:
    places = [60.0, 160.0, 210.0, 260.0, 310.0]
    cells = ((x, n, cell) for n, row in enumerate(rows) for x, cell in zip(places, row, strict=True))
    return [Line(cell, (x, 100.0 + 20 * n, x + 6 * len(cell), 111.0 + 20 * n)) for x, n, cell in cells]


def test_a_scanned_table(tmp_path: Path) -> None:
    """What the OCR reads has boxes, and no rules."""
    (tmp_path / "pages.jsonl").write_text(write_page(Page(1, 595, 842, (), scan="a.jpg"), _scanned(SALES)))
    [page] = read_pages(tmp_path)
    assert tables(page) == [SALES]
    write_tables([page], tmp_path, "scanned-table")
    with (tmp_path / "scanned-table-00001-1.csv").open(newline="") as file:
        assert list(csv.reader(file)) == SALES


def test_passages_of_a_table_keep_its_rows() -> None:
    blocks = blocks_with_tables(_scanned([*SALES, *SALES[1:]]))
    found = passages(blocks, lambda text: len(text.split()), 20, 0.0)
    assert "North | 12 | 15 | 9 | 36" in found[0].text
    assert len(found) > 2
    assert {piece.text.split(" | ")[0] for piece in found} <= {row[0] for row in SALES}, "each begins with a row"


def test_many_rows_without_columns_take_no_time(tmp_path: Path) -> None:
    """A page that is made to be slow: thousands of rows that look like those of a table."""

    def draw(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", 3)
        for n in range(1500):
            for column in range(3):
                canvas.drawString(200 * column + n * 7 % 5, 1 + n * 0.5, f"w{n}")

    began = time.monotonic()
    assert parsed(pdf(tmp_path / "a.pdf", draw))
    assert time.monotonic() - began < 60, "bounds a wait"
