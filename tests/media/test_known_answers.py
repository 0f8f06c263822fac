"""PDFs of which we know what they hold: scans, scripts from right to left, encodings of pictures, very many pages."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
import pytest
from PIL import Image

from medley.errors import CorruptMedia
from medley.media.layout import reading_order, union
from medley.models.base import OcrModel, load_model
from medley.models.profiles import PROFILES
from medley.option_values import Profile
from tests.documents import columns, encoded_picture, hebrew, jbig2, pdf, picture, raw_pdf, scan_of, stream, text
from tests.media.test_pdf import figures, parsed, words

_PROSE = """The ferry left the harbour at a quarter past six, while the market was still asleep.
On board were 14 passengers, two bicycles, and a crate of oranges from Valencia.
Nobody had told the captain about the fog; he found it himself, 3.5 miles out.
"Half speed," he said, and the engine answered with a long, tired sigh.
An old woman in a green coat counted the bells: one, two, three, and then none.
Later she wrote to her sister that silence at sea has a weight of its own.
Invoice No. 20871 was paid in March; the remaining EUR 1,250.40 is due in June.
By noon the sun had burned a hole into the grey, and gulls came through it.
The lighthouse keeper waved with his newspaper, as he had done for thirty years.
They landed at Oban with a delay of ninety minutes and a story worth telling.""".splitlines()


def errors_in(found: str, truth: str) -> float:
    """Character error rate: edits for each character of the truth."""
    row = list(range(len(found) + 1))
    for n, wanted in enumerate(truth, 1):
        row, before = [n], row
        for m, letter in enumerate(found, 1):
            row.append(min(before[m] + 1, row[-1] + 1, before[m - 1] + (letter != wanted)))
    return row[-1] / len(truth)


@cache
def reader() -> OcrModel:
    model: OcrModel = load_model(PROFILES[Profile.DEMO].ocr, threads=2)
    return model


def read_scan(page: Any, directory: Path) -> str:
    """What the OCR reads on the picture of a page."""
    [lines] = reader().read([directory / page.scan])
    return " ".join(block.text for block in reading_order(lines))


@pytest.mark.whole  # make test-hard has it
def test_a_crooked_scan_is_read_with_few_errors(tmp_path: Path) -> None:
    lines = [(72.0, 100.0 + 22 * n, line) for n, line in enumerate(_PROSE)]
    scan_of(pdf(tmp_path / "plain.pdf", text(*lines)), tmp_path / "scan.pdf", dpi=150, degrees=2)
    [page] = parsed(tmp_path / "scan.pdf")
    read = read_scan(page, tmp_path / "scan.out")
    assert errors_in(read, " ".join(_PROSE)) <= 0.05, read


@pytest.mark.parametrize("degrees", [pytest.param(n, marks=pytest.mark.whole) for n in (90, 180)])
def test_a_page_that_lies_on_its_side_is_read(tmp_path: Path, degrees: int) -> None:
    lines = [(72.0, 100.0 + 22 * n, line) for n, line in enumerate(_PROSE[:3])]
    scan_of(pdf(tmp_path / "plain.pdf", text(*lines)), tmp_path / "scan.pdf", degrees=0)
    [page] = parsed(tmp_path / "scan.pdf")
    scan = tmp_path / "scan.out" / page.scan
    with Image.open(scan) as image:
        image.rotate(degrees, expand=True).save(scan, quality=90)
    [found] = reader().read([scan])
    assert {line.text for line in found} == set(_PROSE[:3])
    x0, y0, x1, y1 = union([line.box for line in found])
    on_its_side = degrees != 180
    assert (y1 - y0 > x1 - x0) == on_its_side, "boxes are on the picture as it is"


def test_a_crooked_scan_of_two_columns_is_read_column_by_column(tmp_path: Path) -> None:
    left = [f"Left line {n} of the first column here." for n in range(20)]
    right = [f"Right line {n} of the second column." for n in range(20)]
    title = "A title that stands above both of the columns and spans them all"
    scan_of(pdf(tmp_path / "plain.pdf", columns(title, left, right)), tmp_path / "scan.pdf", dpi=150, degrees=2)
    [page] = parsed(tmp_path / "scan.pdf")
    read = read_scan(page, tmp_path / "scan.out")
    assert errors_in(read, " ".join([title, *left, *right])) <= 0.05, read


def test_right_to_left_text_is_in_the_order_of_reading(tmp_path: Path) -> None:
    right = [f"השורה הזאת בטור הימני {word}" for word in ("אחת", "שתיים", "שלוש", "ארבע")]
    left = [f"השורה הזאת בטור השמאלי {word}" for word in ("אחת", "שתיים", "שלוש", "ארבע")]
    drawn = [(x, 100.0 + 14 * n, line) for x, side in ((330.0, right), (60.0, left)) for n, line in enumerate(side)]
    [page] = parsed(hebrew(tmp_path / "a.pdf", *drawn))
    assert words(page) == " ".join([*right, *left])
    first = page.blocks[0].lines[0]
    assert (first.box[0] > 320, 85 < first.box[1] < 100) == (True, True)


def test_letters_beyond_the_first_plane_and_halves_of_them(tmp_path: Path) -> None:
    pairs = b"<41> <D800>\n<42> <D83DDE00>\n<43> <DE00>\n<20> <0020>"
    table = b"begincmap 1 begincodespacerange <00> <ff> endcodespacerange 4 beginbfchar %b endbfchar endcmap" % pairs
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/ToUnicode 6 0 R>>"
    content = b"BT /F 11 Tf 72 700 Td (some A B C words) Tj ET"
    [page] = parsed(raw_pdf(tmp_path / "a.pdf", content, b"/Font<</F 5 0 R>>", font, stream(b"", table)))
    assert "\N{GRINNING FACE}" in words(page)
    assert words(page).startswith("some ")
    assert words(page).isprintable()


def jpeg_2000(image: Image.Image) -> tuple[bytes, bytes]:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG2000")
    return b"/Filter/JPXDecode", buffer.getvalue()


def cmyk(image: Image.Image) -> tuple[bytes, bytes]:
    buffer = io.BytesIO()
    image.convert("CMYK").save(buffer, "JPEG", quality=95)  # inverted, as Adobe does
    keys = b"/Filter/DCTDecode/BitsPerComponent 8/ColorSpace/DeviceCMYK/Decode[1 0 1 0 1 0 1 0]"
    return keys, buffer.getvalue()


def bilevel(image: Image.Image) -> tuple[bytes, bytes]:
    return b"/Filter/JBIG2Decode/BitsPerComponent 1/ColorSpace/DeviceGray", jbig2(image)


@pytest.mark.parametrize(
    ("encoding", "colour", "seen"),
    [(jpeg_2000, "red", (255, 0, 0)), (cmyk, "red", (255, 0, 0)), (bilevel, "black", (0, 0, 0))],
)
def test_pictures_in_every_encoding_look_as_they_should(
    tmp_path: Path, encoding: Any, colour: str, seen: tuple[int, ...]
) -> None:
    image = picture(colour=colour)
    path = encoded_picture(tmp_path / "a.pdf", image, *encoding(image))
    [figure] = figures(path)
    assert figure.box == pytest.approx((100, 192, 300, 342), abs=2)
    with Image.open(tmp_path / "a.figures" / figure.image) as shown:
        middle, corner = shown.getpixel((shown.width // 2, shown.height // 2)), shown.getpixel((3, 3))
    assert middle == pytest.approx(seen, abs=40)
    assert corner == pytest.approx((255, 255, 255), abs=12)


@pytest.mark.whole
def test_five_thousand_pages(tmp_path: Path) -> None:
    said = [f"Page {n}." for n in range(1, 5001)]
    found = parsed(pdf(tmp_path / "a.pdf", *(text((72, 100, f"{line} Nothing more.")) for line in said)))
    assert [words(page) for page in found] == [f"{line} Nothing more." for line in said]


def test_a_document_without_pages_says_so(tmp_path: Path) -> None:
    pdfium.PdfDocument.new().save(tmp_path / "a.pdf")
    with pytest.raises(CorruptMedia, match=r"a\.pdf: has no pages"):
        parsed(tmp_path / "a.pdf")
