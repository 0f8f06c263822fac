"""PDFs: text, boxes, reading order, scans, figures, and what is wrong with them."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2 as pdfium
import pytest
from PIL import Image
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from medley.errors import CorruptMedia, EncryptedPdf, TooLarge
from medley.media.layout import Line, reading_order
from medley.media.pdf import find_figures, parse_pdf, read_figures, read_pages
from medley.options import FigureOptions, PageOptions
from medley.passages import passages
from medley.setting_groups import Limits
from medley.types import Asset, MediaInfo
from tests.documents import HEIGHT, WIDTH, both, columns, pdf, picture, placed, scan_of, text

LIMITS = Limits()


def asset(path: Path) -> Asset:
    return Asset("a" * 64, str(path), path.stat().st_size, MediaInfo("pdf", "application/pdf"))


def parsed(path: Path, **options: Any) -> list[Any]:
    """The pages of a document."""
    out = path.with_suffix(".out")
    out.mkdir(exist_ok=True)
    parse_pdf(asset(path), out, PageOptions(**options), LIMITS)
    return list(read_pages(out))


def words(page: Any) -> str:
    return " ".join(line.text for block in page.blocks for line in block.lines)


def test_text_and_page_numbers_are_exact(tmp_path: Path) -> None:
    said = [f"Page {n} speaks of the number {n * 37} and of nothing else." for n in range(1, 71)]
    found = parsed(pdf(tmp_path / "a.pdf", *(text((72, 100, line)) for line in said)))
    assert [page.number for page in found] == list(range(1, 71)), "ranges of pages come back in order"
    assert [words(page) for page in found] == said


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_boxes_are_where_the_ink_is(tmp_path: Path, turned: int) -> None:
    path = pdf(tmp_path / "a.pdf", text((100, 200, "Height of this ink")))
    document = pdfium.PdfDocument(path)
    document[0].set_rotation(turned)
    document[0].set_cropbox(20, 30, WIDTH - 40, HEIGHT - 50)
    document.save(tmp_path / "turned.pdf")
    [page] = parsed(tmp_path / "turned.pdf")
    shown = np.asarray(pdfium.PdfDocument(tmp_path / "turned.pdf")[0].render(scale=4).to_pil().convert("L")) < 128
    rows, across = np.nonzero(shown.any(axis=1))[0], np.nonzero(shown.any(axis=0))[0]
    ink = [across[0] / 4, rows[0] / 4, across[-1] / 4, rows[-1] / 4]
    assert page.blocks[0].box == pytest.approx(ink, abs=2.0)
    assert (page.width_pt, page.height_pt) == pytest.approx([side / 4 for side in reversed(shown.shape)], abs=1)


def test_columns_are_read_one_after_the_other(tmp_path: Path) -> None:
    left = [f"Left line {n} of the first column." for n in range(12)]
    right = [f"Right line {n} of the second column." for n in range(12)]
    title = "A title that stands above both of the columns and spans them all"
    [page] = parsed(pdf(tmp_path / "a.pdf", columns(title, left, right)))
    assert words(page) == " ".join([title, *left, *right])


def test_a_table_is_read_row_by_row() -> None:
    cells = [
        Line(f"{row}{n}", (50 + 120 * n, 100 + 20 * row, 80 + 120 * n, 110 + 20 * row))
        for n in range(3)
        for row in range(5)
    ]
    read = [line.text for block in reading_order(cells) for line in block.lines]
    assert read == [f"{row}{n}" for row in range(5) for n in range(3)]


def test_passages_are_sized_overlap_and_have_boxes_of_their_own() -> None:
    lines = [Line(f"Sentence number {n} is here.", (50, 100 + 12 * n, 200, 110 + 12 * n)) for n in range(40)]
    found = passages(reading_order(lines), lambda text: len(text.split()), 20, 0.2)
    assert all(len(passage.text.split()) <= 20 for passage in found)
    assert len({passage.box for passage in found}) == len(found)
    numbers = [set(map(int, re.findall(r"number (\d+)", passage.text))) for passage in found]
    assert set.union(*numbers) == set(range(40))
    assert any(first & second for first, second in pairwise(numbers)), "they overlap"
    for passage, inside in zip(found, numbers, strict=True):
        if inside:
            assert passage.box[1] <= 100 + 12 * min(inside)
            assert passage.box[3] >= 110 + 12 * max(inside)


def test_one_long_line_makes_passages_with_different_boxes() -> None:
    line = Line(" ".join(f"word{n}" for n in range(100)), (0, 0, 1000, 10))
    found = passages(reading_order([line]), lambda text: len(text.split()), 16, 0.0)
    assert len(found) > 5
    assert [passage.box[0] for passage in found] == sorted({passage.box[0] for passage in found})


def test_words_parted_at_the_end_of_a_line_are_one_again() -> None:
    lines = [Line("a for", (0, 0, 50, 10), hyphen=True), Line("est of trees", (0, 12, 50, 22))]
    [passage] = passages(reading_order(lines), len, 1000, 0.0)
    assert passage.text == "a forest of trees"


def test_a_page_without_text_is_drawn_for_the_ocr_and_no_other(tmp_path: Path) -> None:
    written = pdf(tmp_path / "w.pdf", text((72, 100, "Plain text on a page.")))
    scan_of(written, tmp_path / "s.pdf")
    both = pdfium.PdfDocument.new()
    for name in ("w.pdf", "s.pdf"):
        both.import_pages(pdfium.PdfDocument(tmp_path / name))
    both.new_page(300, 300)
    both.save(tmp_path / "both.pdf")
    found = parsed(tmp_path / "both.pdf")
    assert [bool(page.scan) for page in found] == [False, True, False], "an empty page has nothing to read"
    assert (tmp_path / "both.out" / found[1].scan).is_file()
    assert not any(page.scan for page in parsed(tmp_path / "both.pdf", ocr="off"))


def figures(path: Path, **options: Any) -> list[Any]:
    """What is to be seen in a document."""
    out = path.with_suffix(".figures")
    out.mkdir()
    find_figures(asset(path), out, PageOptions(), FigureOptions(**options), LIMITS)
    return read_figures(out)


def test_pictures_and_drawings_are_found_once_where_they_are(tmp_path: Path) -> None:
    def drawn(canvas: Any) -> None:
        canvas.circle(300, HEIGHT - 500, 60, fill=1)
        canvas.line(300, HEIGHT - 500, 400, HEIGHT - 500)
        canvas.rect(72, 40, 400, 0.5, fill=1)  # a rule is no drawing

    def both(canvas: Any) -> None:
        placed(picture(), 100, 150, 160, 120)(canvas)
        drawn(canvas)

    found = figures(pdf(tmp_path / "a.pdf", both, placed(picture(), 100, 150, 160, 120), text((72, 72, "no picture"))))
    assert [figure.page for figure in found] == [1, 1], "the same picture on the second page counts once"
    assert found[0].box == pytest.approx((100, 150, 260, 270), abs=1.5)
    assert found[1].box == pytest.approx((240, 440, 400, 560), abs=2.5)
    with Image.open(tmp_path / "a.figures" / found[0].image) as shown:
        red, green, _ = shown.getpixel((shown.width // 2, shown.height // 2))  # type: ignore[misc]
        assert (red > 200, green < 60) == (True, True), "it is the picture"


def test_figures_have_their_captions(tmp_path: Path) -> None:
    words = text(
        (100, 90, "Fig. 1: A map of the harbour"),
        (100, 320, "Figure 2. Ships that"),
        (100, 334, "wait for the tide"),
        (100, 500, "As Figure 2 shows, ships wait."),
    )
    both_figures = both(placed(picture(), 100, 110, 150, 60), placed(picture((90, 90), "red"), 100, 200, 150, 100))
    path = pdf(tmp_path / "a.pdf", both(words, both_figures), placed(picture((80, 90), "blue"), 100, 150, 200, 150))
    assert [(figure.page, figure.caption) for figure in figures(path)] == [
        (1, "Fig. 1: A map of the harbour"),
        (1, "Figure 2. Ships that wait for the tide"),
        (2, ""),
    ]


def test_small_figures_are_left_out(tmp_path: Path) -> None:
    path = pdf(tmp_path / "a.pdf", placed(picture(), 100, 150, 20, 20))
    assert figures(path) == []


def test_an_encrypted_document_wants_its_password(tmp_path: Path) -> None:
    path = pdf(tmp_path / "a.pdf", text((72, 100, "A secret.")), encrypt=StandardEncryption("open sesame"))
    with pytest.raises(EncryptedPdf, match=r"a\.pdf: needs a password.*--pages\.password"):
        parsed(path)
    with pytest.raises(EncryptedPdf, match="not its"):
        parsed(path, password="wrong")
    assert words(parsed(path, password="open sesame")[0]) == "A secret."


def test_a_damaged_document_says_so(tmp_path: Path) -> None:
    path = pdf(tmp_path / "a.pdf", text((72, 100, "Some text.")))
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(CorruptMedia, match="cannot be opened"):
        parsed(path)


def test_too_many_pages_are_refused(tmp_path: Path) -> None:
    path = pdf(tmp_path / "a.pdf", *(text((72, 100, "x")) for _ in range(3)))
    with pytest.raises(TooLarge, match="has 3 pages"):
        parse_pdf(asset(path), tmp_path, PageOptions(), Limits(max_pages=2))


def test_a_page_as_large_as_a_field_is_drawn_within_limits(tmp_path: Path) -> None:
    side = 1_000_000
    path = tmp_path / "huge.pdf"
    canvas = Canvas(str(path), pagesize=(side, side))
    canvas.drawImage(ImageReader(picture()), 0, 0, side, side)
    canvas.save()
    [found] = parsed(path)
    assert found.width_pt == side
    with Image.open(tmp_path / "huge.out" / found.scan) as shown:
        assert max(shown.size) <= 3000
