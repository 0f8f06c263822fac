"""What is in a PDF and not on its pages: layers that are off, attached files, forms that others draw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
import pytest

from medley.media.pdf import find_figures, parse_pdf, read_figures
from medley.options import FigureOptions, PageOptions
from tests.documents import pdf, picture, raw_pdf, stream, text
from tests.media.test_pdf import LIMITS, asset, parsed, words


def layered(path: Path) -> Path:
    """Text and pictures on layers that are on and off: by marks, by membership, and as forms."""
    said = b"q BT /F 12 Tf %s 72 %d Td (%s) Tj ET Q "
    content = said % (b"", 700, b"on no layer.")
    content += b"/OC /On BDC " + said % (b"", 650, b"on a layer that is on.") + b"EMC "
    content += b"/OC /Off BDC " + said % (b"", 600, b"secret of a layer") + b"q 200 0 0 150 72 380 cm /I Do Q EMC "
    content += b"/OC /Member BDC " + said % (b"", 550, b"secret of a member") + b"EMC "
    content += said % (b"3 Tr", 300, b"behind a scan.") + b"/X Do /Y Do /Z Do "
    fonts = b"/Font<</F 7 0 R>>"
    form = b"/Type/XObject/Subtype/Form/BBox[0 0 595 842]/Resources<<" + fonts + b">>"
    shown = picture((20, 15))
    image = b"/Type/XObject/Subtype/Image/Width 20/Height 15/ColorSpace/DeviceRGB/BitsPerComponent 8"
    more = (
        *(b"<</Type/OCG/Name(On)>>", b"<</Type/OCG/Name(Off)>>", b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"),
        b"<</Type/OCMD/OCGs[6 0 R]/P/AllOn>>",
        stream(form + b"/OC 6 0 R", said % (b"", 250, b"secret of a form")),
        stream(form + b"/OC 5 0 R", said % (b"1 1 1 rg", 200, b"white in a form.")),
        stream(form, said % (b"3 Tr", 150, b"behind a scan in a form.")),
        stream(image, shown.tobytes()),
    )
    resources = fonts + b"/Properties<</On 5 0 R/Off 6 0 R/Member 8 0 R>>"
    resources += b"/XObject<</X 9 0 R/Y 10 0 R/Z 11 0 R/I 12 0 R>>"
    catalog = b"/OCProperties<</OCGs[5 0 R 6 0 R]/D<</ON[5 0 R]/OFF[6 0 R]>>>>"
    return raw_pdf(path, content, resources, *more, catalog=catalog)


def test_layers_that_are_off_are_not_there(tmp_path: Path) -> None:
    path = layered(tmp_path / "layers.pdf")
    shown = ("on no layer.", "on a layer that is on.", "behind a scan.", "white in a form.", "behind a scan in a form.")
    assert words(parsed(path)[0]) == " ".join(shown)
    out = tmp_path / "figures"
    out.mkdir()
    find_figures(asset(path), out, PageOptions(), FigureOptions(), LIMITS)
    assert read_figures(out) == []
    path.write_bytes(path.read_bytes().replace(b"/ON[5 0 R]/OFF[6 0 R]", b"/ON[5 0 R 6 0 R]/OFF[]"))
    assert words(parsed(path)[0]).count("secret") == 3


def read(path: Path) -> Any:
    out = path.parent / "read"
    out.mkdir(exist_ok=True)
    return parse_pdf(asset(path), out, PageOptions(), LIMITS)


def test_attached_files_are_said(tmp_path: Path) -> None:
    path = pdf(tmp_path / "a.pdf", text((72, 100, "See the table that is attached.")))
    assert read(path).notes == ()
    document = pdfium.PdfDocument(path)
    for name in ("table.csv", "letter.txt"):
        document.new_attachment(name).set_data(b"a,b")
    document.save(tmp_path / "b.pdf")
    assert read(tmp_path / "b.pdf").notes == ("2 attached files: items of their own for ingest",)


@pytest.mark.parametrize("dynamic", [True, False])
def test_a_form_that_only_adobe_draws_is_partial(tmp_path: Path, dynamic: bool) -> None:
    said = b"BT /F 12 Tf 72 700 Td (Please wait. If this message is not replaced, get another viewer) Tj ET"
    form = b"/AcroForm<</Fields[]/XFA 6 0 R>>" + (b"/NeedsRendering true" if dynamic else b"")
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
    xml = stream(b"", b"<xdp:xdp xmlns:xdp='http://ns.adobe.com/xdp/'><template/></xdp:xdp>")
    path = raw_pdf(tmp_path / "a.pdf", said, b"/Font<</F 5 0 R>>", font, xml, catalog=form)
    assert ("XFA" in read(path).damage) is dynamic
