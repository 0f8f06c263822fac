"""Documents as other programs write them: nothing that Office or LibreOffice would show is lost, none is refused."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import docx
import openpyxl
import pptx
import pytest
from docx.oxml import parse_xml
from openpyxl.chart import BarChart3D, Reference
from openpyxl.comments import Comment
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from tests.documents_of_all_kinds import CELLS, MAKERS, NAMES, element, open_text, png, workbook
from tests.media.test_documents import parts_of

Change = Callable[[bytes], bytes]


def rewritten(path: Path, changes: Mapping[str, Change], named: Callable[[str], str] = str) -> None:
    """The archive anew, some members changed (also those that it lacks), all under other names."""
    with zipfile.ZipFile(path) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    held |= {name: change(held.get(name, b"")) for name, change in changes.items()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in held.items():
            archive.writestr(named(name), content)


def replaced(old: str, new: str) -> Change:
    def change(content: bytes) -> bytes:
        assert old.encode() in content
        return content.replace(old.encode(), new.encode())

    return change


def texts(path: Path) -> list[str]:
    parts, read = parts_of(path)
    assert read.damage == ""
    return [part.text for part in parts]


TYPES = "[Content_Types].xml"
TEMPLATE = replaced(".document.main+xml", ".template.main+xml")
MACROS = replaced("openxmlformats-officedocument.wordprocessingml.document.main", "ms-word.document.macroEnabled.main")


@pytest.mark.parametrize(("ending", "change"), [("dotx", TEMPLATE), ("docm", MACROS), ("docx", TEMPLATE)])
def test_templates_and_macros(tmp_path: Path, ending: str, change: Change) -> None:
    path = tmp_path / f"a.{ending}"
    MAKERS["a.docx"](path)
    rewritten(path, {TYPES: change})
    assert "Cities are large." in texts(path)


def strict(content: bytes) -> bytes:
    """As Office's "Strict Open XML" names things."""
    for what in (b"wordprocessingml", b"spreadsheetml", b"presentationml", b"drawingml", b"officeDocument"):
        usual = b"http://schemas.openxmlformats.org/" + what + b"/2006/"
        content = content.replace(usual, b"http://purl.oclc.org/ooxml/" + what + b"/")
    return content


@pytest.mark.parametrize("name", ["a.docx", "a.pptx", "a.xlsx"])
def test_strict_files(tmp_path: Path, name: str) -> None:
    MAKERS[name](tmp_path / name)
    with zipfile.ZipFile(tmp_path / name) as archive:
        names = [each for each in archive.namelist() if each.endswith((".xml", ".rels"))]
    rewritten(tmp_path / name, dict.fromkeys(names, strict))
    parts, read = parts_of(tmp_path / name)
    assert [part.level for part in parts if part.text == "Of cities"] == [1]
    assert CELLS in [part.cells for part in parts]
    assert read.damage == ""


@pytest.mark.parametrize("name", ["a.docx", "a.pptx", "a.xlsx"])
def test_names_as_windows_tells_them_apart(tmp_path: Path, name: str) -> None:
    MAKERS[name](tmp_path / name)
    rewritten(tmp_path / name, {}, named=lambda member: member.lower().replace("/", "\\"))
    assert "Cities are large." in texts(tmp_path / name)


def test_parts_that_are_not_there(tmp_path: Path) -> None:
    path = tmp_path / "a.docx"
    MAKERS["a.docx"](path)
    missing = replaced("media/image1.png", "media/gone.png")
    nameless = replaced('w:type="paragraph"', "")
    rewritten(path, {"word/_rels/document.xml.rels": missing, "word/styles.xml": nameless})
    assert "Cities are large." in texts(path)


def test_word_headers_headings_of_ones_own_and_tables_in_tables(tmp_path: Path) -> None:
    path, made = tmp_path / "a.docx", docx.Document()
    made.sections[0].header.paragraphs[0].text = "Company of cranes"
    own = made.styles.add_style("Kapitel", 1)
    own.element.get_or_add_pPr().append(parse_xml(f'<w:outlineLvl {W} w:val="1"/>'))
    made.add_paragraph("Of storks", "Kapitel")
    cell = made.add_table(rows=1, cols=2).rows[0].cells
    cell[0].text = "outer"
    cell[1].add_table(rows=1, cols=1).rows[0].cells[0].text = "inner"
    moved = f"<w:p {W}><w:moveFrom><w:r><w:t>away</w:t></w:r></w:moveFrom><w:r><w:t>stays</w:t></w:r></w:p>"
    made.element.body.insert(0, parse_xml(moved))
    made.save(str(path))
    parts, _ = parts_of(path)
    assert [(part.text, part.level, part.headings) for part in parts] == [
        ("stays", 0, ()),
        ("Of storks", 2, ()),
        ("outer | inner", 0, ("Of storks",)),
        ("Company of cranes", 0, ()),
    ]


W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def test_a_sheet_that_says_it_is_smaller_than_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    workbook(path)
    rewritten(path, {"xl/worksheets/sheet2.xml": replaced('ref="A1:B3"', 'ref="A1"')})
    assert CELLS in [part.cells for part in parts_of(path)[0]]


def test_cell_styles_that_are_odd(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    workbook(path)
    rewritten(path, {"xl/styles.xml": replaced('name="Normal"', 'title="Normal"')})
    assert CELLS in [part.cells for part in parts_of(path)[0]]


@pytest.mark.parametrize("early", [False, True])
def test_values_as_excel_shows_them(tmp_path: Path, early: bool) -> None:
    path, made = tmp_path / "a.xlsx", openpyxl.Workbook()
    made.epoch = openpyxl.utils.datetime.MAC_EPOCH if early else made.epoch
    sheet = made.active
    day, hour = openpyxl.utils.datetime.datetime.datetime(2026, 11, 28), openpyxl.utils.datetime.datetime.timedelta
    sheet.append([1, 1.5, True, "=1/0", None, day, hour(hours=30), "  two   words "])
    made.save(path)
    assert [part.cells for part in parts_of(path)[0] if part.cells] == [
        (("1", "1.5", "True", "", "", "2026-11-28", "1 day, 6:00:00", "two words"),)
    ]


def test_what_is_beside_the_cells_of_a_sheet(tmp_path: Path) -> None:
    path, made = tmp_path / "a.xlsx", openpyxl.Workbook()
    for row in (("", "Rain"), ("North", 3), ("South", 4)):
        made.active.append(row)
    made.active["B2"].comment = Comment("measured twice", "Ada")
    chart = BarChart3D()
    chart.title = "Rain by region"
    chart.add_data(Reference(made.active, min_col=2, min_row=1, max_row=3), titles_from_data=True)
    made.active.add_chart(chart)
    made.active.add_image(openpyxl.drawing.image.Image(io.BytesIO(png("red"))))
    made.save(path)
    drawing, said = "xl/drawings/drawing1.xml", "<a:p><a:r><a:t>All of it fell in May.</a:t></a:r></a:p>"
    box = f"<sp><txBody xmlns:a='{A}'>{said}</txBody></sp>"
    rewritten(path, {drawing: replaced("<oneCellAnchor>", f"<oneCellAnchor>{box}")})
    found = texts(path)
    assert {"measured twice", "All of it fell in May.", "Rain by region"} <= set(found)


A = "http://schemas.openxmlformats.org/drawingml/2006/main"


def test_charts_of_any_form_pictures_as_titles_and_all_notes(tmp_path: Path) -> None:
    path, made = tmp_path / "a.pptx", pptx.Presentation()
    slide = made.slides.add_slide(made.slide_layouts[5])
    data = CategoryChartData()
    data.categories = ["North", "South"]
    data.add_series("Rain", (3, 4.5))
    data.add_series("Snow", (1, None))
    slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, Inches(1), Inches(4), Inches(4), Inches(3), data)
    slide.notes_slide.notes_text_frame.text = "Of the notes."
    shapes = slide.notes_slide.shapes._spTree
    shapes.append(parse_xml(f'<p:sp xmlns:p="{P}" xmlns:a="{A}"><p:txBody>{SAID}</p:txBody></p:sp>'))
    title = slide.shapes.title._element
    title.tag = title.tag.replace("}sp", "}pic")
    title.remove(title.txBody)
    made.slides.add_slide(made.slide_layouts[5]).shapes.title.text = "Behind it"
    made.save(str(path))
    rewritten(path, {"ppt/charts/chart1.xml": lambda content: content.replace(b"barChart", b"bar3DChart")})
    parts, read = parts_of(path)
    assert read.damage == ""
    assert [part.cells for part in parts if part.cells] == [
        (("", "Rain", "Snow"), ("North", "3", "1"), ("South", "4.5")),
    ]
    assert [(part.text, part.page) for part in parts if not part.cells] == [
        ("Of the notes.", 1),
        ("Beside them.", 1),
        ("Behind it", 2),
    ]


SAID = "<a:p><a:r><a:t>Beside them.</a:t></a:r></a:p>"


def test_what_is_at_the_edges_of_slides_comes_once(tmp_path: Path) -> None:
    path, made = tmp_path / "a.pptx", pptx.Presentation()
    for title in ("One", "Two"):
        slide = made.slides.add_slide(made.slide_layouts[5])
        slide.shapes.title.text = title
        foot = slide.shapes.add_textbox(0, 0, 99, 99)
        foot.text_frame.text = "Company of cranes"
        foot._element.nvSpPr.nvPr.append(parse_xml(f'<p:ph xmlns:p="{P}" type="ftr"/>'))
    made.save(str(path))
    assert texts(path) == ["One", "Two", "Company of cranes"]


P = "http://schemas.openxmlformats.org/presentationml/2006/main"


def test_an_opendocument_file_is_known_by_its_name_where_nothing_else_tells(tmp_path: Path) -> None:
    open_text(tmp_path / "a.odt")
    with zipfile.ZipFile(tmp_path / "a.odt") as archive:
        held = {name: archive.read(name) for name in reversed(archive.namelist())}
    with zipfile.ZipFile(tmp_path / "a.odt", "w") as archive:
        for name, content in held.items():
            archive.writestr(name, content)
    assert "Cities are large." in texts(tmp_path / "a.odt")


def test_comments_and_tables_in_cells_of_an_opendocument_file(tmp_path: Path) -> None:
    def row(*cells: str) -> str:
        return element("table:table-row", *(element("table:table-cell", cell) for cell in cells))

    open_text(tmp_path / "a.odt")
    comment = element("office:annotation", element("text:p", "Is that so?"))
    inner = element("table:table", row(element("text:p", "inner")))
    table = element("table:table", element("table:table-rows", row(element("text:p", f"outer{comment}"), inner)))
    rewritten(tmp_path / "a.odt", {"content.xml": replaced("<office:text>", f"<office:text>{table}")})
    assert texts(tmp_path / "a.odt")[:2] == ["outer | inner", "Is that so?"]


def test_ids_that_are_none_or_come_twice(tmp_path: Path) -> None:
    open_text(tmp_path / "a.odt")
    twice = '<text:p xml:id="1">one</text:p><text:p xml:id="1">two</text:p><text:h text:outline-level="1"'
    rewritten(tmp_path / "a.odt", {"content.xml": replaced('<text:h text:outline-level="1"', twice)})
    assert {"one", "two", "Cities are large."} <= set(texts(tmp_path / "a.odt"))


def test_comments_headers_and_charts_of_an_opendocument_file(tmp_path: Path) -> None:
    path = tmp_path / "a.odt"
    open_text(path)
    comment = element("office:annotation", element("text:p", "Is that so?"))
    chart = element("text:p", element("draw:frame", '<draw:object xlink:href="./Object 1"/>'))
    table = element("table:table", element("table:table-row", element("table:table-cell", element("text:p", "Rain"))))
    drawn = f'<chart:chart xmlns:chart="urn:oasis:names:tc:opendocument:xmlns:chart:1.0">{table}</chart:chart>'
    header = element("style:header", element("text:p", "Company of cranes"))
    style = f'<office:document-styles {NAMES} xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0">'
    rewritten(
        path,
        {
            "content.xml": replaced("are large.</text:p>", f"are large.{comment}</text:p>{chart}"),
            "Object 1/content.xml": lambda _: element(f"office:document-content {NAMES}", drawn).encode(),
            "styles.xml": lambda _: f"{style}{header * 2}</office:document-styles>".encode(),
        },
    )
    found = texts(path)
    assert found.count("Company of cranes") == 1
    assert {"Is that so?", "Rain", "Cities are large."} <= set(found)
