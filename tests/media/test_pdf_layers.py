"""Text layers are judged, not believed; what people have put on a page is read; layout is bounded."""

from __future__ import annotations

import time
from itertools import chain, repeat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pypdfium2 as pdfium
import pytest
import reportlab
from reportlab.pdfgen.canvas import Canvas

from medley.media.layout import Line, reading_order
from medley.media.pdf import find_figures, parse_pdf, read_figures, read_pages
from medley.options import FigureOptions, PageOptions
from medley.setting_groups import Limits
from tests.documents import HEIGHT, WIDTH, pdf, picture, placed, raw_pdf, scan_of, stream, text
from tests.media.test_pdf import LIMITS, asset, parsed, words

PROSE = [f"line {n} of a column of prose that goes on" for n in range(12)]


# P1: fields and notes


def form(canvas: Canvas) -> None:
    canvas.drawString(72, 700, "Name of the applicant")
    canvas.acroForm.textfield(name="name", x=72, y=660, width=300, height=24, value="Wilhelmina Zanzibar")
    canvas.acroForm.choice(name="town", x=72, y=620, width=200, height=24, options=["Aachen", "Bern"], value="Bern")


def test_fields_that_were_filled_in_are_text(tmp_path: Path) -> None:
    [page] = parsed(pdf(tmp_path / "a.pdf", form))
    assert "Wilhelmina Zanzibar" in words(page)
    assert "Bern" in words(page)
    line = next(line for block in page.blocks for line in block.lines if "Zanzibar" in line.text)
    assert 60 < line.box[0] < 110
    assert HEIGHT - 690 < line.box[1] < HEIGHT - 655


@pytest.mark.parametrize("kind", [b"Text", b"FreeText", b"Highlight"])
def test_notes_are_text(tmp_path: Path, kind: bytes) -> None:
    note = b"<</Type/Annot/Subtype/%b/Rect[100 700 300 720]/Contents(please ask Zanzibar)>>" % kind
    path = raw_pdf(tmp_path / "a.pdf", b"", b">>/Annots[5 0 R]/X<<", note)
    [page] = parsed(path)
    assert words(page) == "please ask Zanzibar"
    assert page.blocks[0].box[:2] == pytest.approx((100, 842 - 720), abs=2)


# P2, P7, P10: reading order


def prose(x: float, y: float, count: int = 12, width: float = 180) -> list[Line]:
    return [Line(PROSE[n], (x, y + 14 * n, x + width, y + 14 * n + 11)) for n in range(count)]


def test_two_columns_beside_a_sidebar() -> None:
    sidebar = [
        Line(word, (480, 100 + 12 * n, 520, 110 + 12 * n)) for n, word in enumerate(["some", "short", "words"] * 8)
    ]
    mixed = sorted([*prose(50, 100), *prose(260, 100), *sidebar], key=lambda line: line.box[1])
    lines = [line for block in reading_order(mixed) for line in block.lines]
    left = [line for line in lines if line.box[0] == 50]
    assert lines[: len(left)] == prose(50, 100), "the first column comes whole"
    middle = [line for line in lines if line.box[0] == 260]
    assert middle == prose(260, 100)
    assert lines[len(left) : len(left) + len(middle)] == middle


def test_a_page_number_between_the_columns() -> None:
    number = Line("7", (241, 300, 247, 310))
    lines = [line for block in reading_order([*prose(50, 100), *prose(260, 100), number]) for line in block.lines]
    assert [line for line in lines if line.text != "7"] == [*prose(50, 100), *prose(260, 100)]


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_text_that_runs_another_way(tmp_path: Path, turn: int) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.translate(WIDTH / 2, HEIGHT / 2)
        canvas.rotate(turn)
        canvas.setFont("Helvetica", 11)
        for n, line in enumerate(PROSE[:4]):
            canvas.drawString(-200, 100 - 14 * n, line)

    [page] = parsed(pdf(tmp_path / "a.pdf", draw))
    assert words(page) == " ".join(PROSE[:4])
    document = pdfium.PdfDocument(tmp_path / "a.pdf")
    document[0].set_rotation(turn)
    document.save(tmp_path / "turned.pdf")
    [page] = parsed(tmp_path / "turned.pdf")
    assert words(page) == " ".join(PROSE[:4])


def upright(path: Path, *columns: str) -> Path:
    """Columns of letters below each other, from right to left, by a font that is made to be set so."""
    outlines = (Path(reportlab.__file__).parent / "fonts" / "Vera.ttf").read_bytes()  # whatever they look like
    glyphs = {letter: 36 + n for n, letter in enumerate(sorted(set("".join(columns))))}
    content = b"BT /F 16 Tf "
    for n, column in enumerate(columns):
        codes = "".join(f"{glyphs[letter]:04X}" for letter in column).encode()
        content += b"1 0 0 1 %d 750 Tm <%s> Tj " % (500 - 30 * n, codes)
    pairs = "".join(f"<{glyph:04X}> <{ord(letter):04X}>\n" for letter, glyph in glyphs.items())
    codes = (
        f"begincmap 1 begincodespacerange <0000> <FFFF> endcodespacerange {len(glyphs)} beginbfchar\n{pairs}endbfchar"
    )
    font = b"/Type/Font/BaseFont/AAAAAA+Vera"
    whose = b"/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>"
    more = (
        b"<<" + font + b"/Subtype/Type0/Encoding/Identity-V/DescendantFonts[6 0 R]/ToUnicode 9 0 R>>",
        b"<<" + font + b"/Subtype/CIDFontType2" + whose + b"/FontDescriptor 7 0 R/DW 1000/CIDToGIDMap/Identity>>",
        b"<</Type/FontDescriptor/FontName/AAAAAA+Vera/Flags 4/FontBBox[-200 -250 1300 950]/ItalicAngle 0/Ascent 900"
        b"/Descent -200/CapHeight 700/StemV 80/FontFile2 8 0 R>>",
        stream(b"/Length1 %d" % len(outlines), outlines),
        stream(b"", f"{codes} endcmap".encode()),
    )
    return raw_pdf(path, content + b"ET", b"/Font<</F 5 0 R>>", *more)


def test_columns_of_upright_letters_from_right_to_left(tmp_path: Path) -> None:
    said = ("吾輩は猫である名前はまだ無い", "どこで生れたかとんと見当がつかぬ", "何でも薄暗いじめじめした所で")
    [page] = parsed(upright(tmp_path / "novel.pdf", *said))
    assert words(page) == " ".join(said)


def test_letters_of_right_to_left_words_in_their_order(tmp_path: Path) -> None:
    word = "שלום"
    pairs = "".join(f"<{65 + n:02x}> <{ord(letter):04x}>\n" for n, letter in enumerate(word))
    table = f"begincmap 1 begincodespacerange <00> <ff> endcodespacerange 4 beginbfchar {pairs}endbfchar endcmap"
    drawn = b"".join(b"BT /F 20 Tf %d 700 Td <%02x> Tj ET\n" % (300 - 15 * n, 65 + n) for n in range(4))
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/ToUnicode 6 0 R>>"
    [page] = parsed(raw_pdf(tmp_path / "a.pdf", drawn, b"/Font<</F 5 0 R>>", font, stream(b"", table.encode())))
    assert words(page).replace(" ", "") == word


# P3, P4, P5: what the layer is worth


def mapped(path: Path, code: str, line: str = "Text that nobody can read because of its font") -> Path:
    """Letters that are drawn, each of which its font says to be `code` (UTF-16, hex)."""
    pairs = "".join(f"<{byte:02x}> <{code}>\n" for byte in range(33, 127))
    table = f"begincmap 1 begincodespacerange <00> <ff> endcodespacerange 94 beginbfchar {pairs}endbfchar endcmap"
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/ToUnicode 6 0 R>>"
    content = b"BT /F 14 Tf 72 700 Td (%b) Tj ET" % line.encode()
    return raw_pdf(path, content, b"/Font<</F 5 0 R>>", font, stream(b"", table.encode()))


@pytest.mark.parametrize("code", ["0003", "e123", "0378", "fffd", "d801"])
def test_a_layer_of_no_script_is_read_by_the_ocr(tmp_path: Path, code: str) -> None:
    [page] = parsed(mapped(tmp_path / "a.pdf", code))
    assert (words(page), bool(page.scan)) == ("", True)


def test_a_scan_with_a_stamp_is_read_by_the_ocr(tmp_path: Path) -> None:
    scan_of(pdf(tmp_path / "t.pdf", text((72, 300, "The text of the scan"))), tmp_path / "scan.pdf")
    image = pdfium.PdfDocument(tmp_path / "scan.pdf")[0].render(scale=1.5).to_pil()
    stamp = text((72, 40, "Confidential - Bates no. 004711 - page 1 of 12"))

    def draw(canvas: Canvas) -> None:
        placed(image, 0, 0, WIDTH, HEIGHT)(canvas)
        stamp(canvas)

    [page] = parsed(pdf(tmp_path / "a.pdf", draw))
    assert "Bates no. 004711" in words(page)
    assert page.scan


def test_a_page_with_a_picture_and_prose_needs_no_ocr(tmp_path: Path) -> None:
    def draw(canvas: Canvas) -> None:
        placed(picture(), 72, 400, 200, 150)(canvas)
        text(*((72, 72 + 14 * n, line) for n, line in enumerate(PROSE)))(canvas)

    [page] = parsed(pdf(tmp_path / "a.pdf", draw))
    assert not page.scan


# P8, P9: what is drawn, and what is cut away


def test_pictures_within_forms(tmp_path: Path) -> None:
    image = stream(
        b"/Type/XObject/Subtype/Image/Width 2/Height 2/BitsPerComponent 8/ColorSpace/DeviceGray", b"\x00\xff\xff\x00"
    )
    inner = b"/Type/XObject/Subtype/Form/BBox[0 0 595 842]/Matrix[1 0 0 1 0 0]/Resources<</XObject<</I 6 0 R>>>>"
    path = raw_pdf(
        tmp_path / "a.pdf", b"/X Do", b"/XObject<</X 5 0 R>>", stream(inner, b"q 200 0 0 150 100 500 cm /I Do Q"), image
    )
    out = tmp_path / "out"
    out.mkdir()
    find_figures(asset(path), out, PageOptions(), FigureOptions(), LIMITS)
    [figure] = read_figures(out)
    assert figure.box == pytest.approx((100, 842 - 650, 300, 842 - 500), abs=1)


def test_a_form_of_text_is_no_figure(tmp_path: Path) -> None:
    inner = b"/Type/XObject/Subtype/Form/BBox[0 0 595 842]/Resources<</Font<</F 6 0 R>>>>"
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
    content = stream(inner, b"BT /F 14 Tf 72 700 Td (Text within a form) Tj ET")
    path = raw_pdf(tmp_path / "a.pdf", b"/X Do", b"/XObject<</X 5 0 R>>", content, font)
    out = tmp_path / "out"
    out.mkdir()
    find_figures(asset(path), out, PageOptions(), FigureOptions(), LIMITS)
    assert read_figures(out) == []
    assert words(parsed(path)[0]) == "Text within a form"


def test_what_is_cropped_away_is_not_there(tmp_path: Path) -> None:
    path = pdf(tmp_path / "a.pdf", text((72, 60, "cropped away"), (72, 300, "still to be seen")))
    document = pdfium.PdfDocument(path)
    document[0].set_cropbox(0, 0, WIDTH, HEIGHT - 100)
    document.save(tmp_path / "cropped.pdf")
    assert words(parsed(tmp_path / "cropped.pdf")[0]) == "still to be seen"


@pytest.mark.parametrize("pitch", [6.0, 7.0, 8.0])
def test_letters_that_stand_apart_are_words(tmp_path: Path, pitch: float) -> None:
    said = "Nine north view drive, the town hall"

    def draw(canvas: Canvas) -> None:
        canvas.setFont("Helvetica", 9)
        for n, letter in enumerate(said):
            if letter != " ":  # the file has no spaces: each letter has its place, as of a typewriter
                canvas.drawCentredString(72 + pitch * n, 700, letter)

    assert words(parsed(pdf(tmp_path / "a.pdf", draw))[0]) == said


# P11: bounds


def test_layout_of_many_columns_is_quick() -> None:
    lines = [
        Line(f"words of column {x} and row {y}", (10.0 * x, 12.0 * y, 10.0 * x + 3, 12.0 * y + 10))
        for x in range(400)
        for y in range(4)
    ]
    began = time.process_time()
    assert sum(len(block.lines) for block in reading_order(lines)) == len(lines)
    assert time.process_time() - began < 20, "it took minutes where its steps grow with the cube of the lines"


def test_one_limit_for_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = pdf(tmp_path / "a.pdf", *(text((72, 100, f"page {n}")) for n in range(70)))
    out = tmp_path / "out"
    out.mkdir()
    moments = chain([0.0, 0.0], repeat(1e6))  # its beginning, its first child's; then the limit is over
    monkeypatch.setattr("medley.media.pdf.time", SimpleNamespace(monotonic=lambda: next(moments), time=lambda: 0.0))
    read = parse_pdf(asset(path), out, PageOptions(), Limits(file_s=60))
    pages: list[Any] = list(read_pages(out))
    assert 0 < len(pages) < 70
    assert "takes more than 60 s to read" in read.damage
