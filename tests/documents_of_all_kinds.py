"""Documents of each kind that say the same: words, headings, a table, a red picture."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import docx
import openpyxl
import pptx
from PIL import Image
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

CELLS = (("city", "people"), ("Paris", "2100000"), ("Oslo", "700000"))


def png(colour: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(file, "PNG")
    return file.getvalue()


def word(path: Path) -> None:
    made = docx.Document()
    made.core_properties.title, made.core_properties.author = "Cities", "Ada"
    made.add_heading("Of cities", 1)
    made.add_paragraph("Cities are large.")
    made.add_heading("Of people", 2)
    table = made.add_table(rows=3, cols=2)
    for row, cells in zip(table.rows, CELLS, strict=True):
        for cell, text in zip(row.cells, cells, strict=True):
            cell.text = text
    made.add_picture(io.BytesIO(png("red")))
    made.add_page_break()
    made.add_paragraph("On the second page.")
    made.save(str(path))


def slides(path: Path) -> None:
    made = pptx.Presentation()
    made.core_properties.title, made.core_properties.author = "Cities", "Ada"
    first = made.slides.add_slide(made.slide_layouts[1])
    first.shapes.title.text, first.placeholders[1].text = "Of cities", "Cities are large."
    first.notes_slide.notes_text_frame.text = "Say hello."
    second = made.slides.add_slide(made.slide_layouts[5])
    second.shapes.title.text = "Of people"
    table = second.shapes.add_table(3, 2, Inches(1), Inches(2), Inches(4), Inches(2)).table
    for row, cells in enumerate(CELLS):
        for column, text in enumerate(cells):
            table.cell(row, column).text = text
    second.shapes.add_picture(io.BytesIO(png("red")), Inches(5), Inches(2))
    data = CategoryChartData()
    data.categories = ["North"]
    data.add_series("Rain", (3,))
    second.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, Inches(1), Inches(4), Inches(4), Inches(3), data)
    made.save(str(path))


def workbook(path: Path) -> None:
    made = openpyxl.Workbook()
    made.properties.title, made.properties.creator = "Cities", "Ada"
    made.active.title = "Of cities"
    made.active["A1"] = "Cities are large."
    sheet = made.create_sheet("Of people")
    for name, people in CELLS:
        sheet.append([name, int(people) if people.isdigit() else people])
    made.save(path)


OFFICE = 'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
NAMES = (
    f'{OFFICE} xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:xlink="http://www.w3.org/1999/xlink" '
    'xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0" xmlns:dc="http://purl.org/dc/elements/1.1/"'
)


def element(name: str, *content: str) -> str:
    return f"<{name}>{''.join(content)}</{name.partition(' ')[0]}>"


def open_text(path: Path) -> None:
    cells = ([element("table:table-cell", element("text:p", cell)) for cell in row] for row in CELLS)
    table = element("table:table", *(element("table:table-row", *row) for row in cells))
    image = element("text:p", element("draw:frame", '<draw:image xlink:href="Pictures/a.png"/>'))
    heading = '<text:h text:outline-level="{}">{}</text:h>'
    body = (heading.format(1, "Of cities"), element("text:p", "Cities<text:s/>are large."))
    content = element("office:text", *body, heading.format(2, "Of people"), table, image)
    tags = element("dc:title", "Cities") + element("dc:creator", "Ada")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        whole = element(f"office:document-content {NAMES}", element("office:body", content))
        archive.writestr("content.xml", whole, zipfile.ZIP_DEFLATED)
        archive.writestr("meta.xml", element(f"office:document-meta {NAMES}", element("office:meta", tags)))
        archive.writestr("Pictures/a.png", png("red"))


HTML_TABLE = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in CELLS)


def html_text(picture: str) -> str:
    return (
        "<!DOCTYPE html><html><head><title>Cities</title><meta name=author content=Ada><style>p {}</style></head><body>"
        "<script>var hidden;</script><h1>Of <em>cities</em></h1><p>Cities are <b>large</b>.</p><h2>Of people</h2>"
        f"<table>{HTML_TABLE}</table>{picture}</body></html>"
    )


def web(path: Path) -> None:
    path.write_text(html_text(f'<img src="data:image/png;base64,{base64.b64encode(png("red")).decode()}">'))


def book(path: Path) -> None:
    package = (
        '<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata>'
        "<dc:title>Cities</dc:title><dc:creator>Ada</dc:creator></metadata><manifest>"
        '<item id="b" href="text/b.xhtml" media-type="application/xhtml+xml"/>'
        '<item id="p" href="a.png" media-type="image/png"/></manifest><spine><itemref idref="b"/></spine></package>'
    )
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        '<rootfile full-path="OEBPS/p.opf"/></rootfiles></container>'
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr("META-INF/container.xml", container)
        archive.writestr("OEBPS/p.opf", package)
        archive.writestr("OEBPS/text/b.xhtml", f'<?xml version="1.0" encoding="UTF-8"?>{html_text("")}')
        archive.writestr("OEBPS/a.png", png("red"))


def mail(path: Path) -> None:
    made = EmailMessage()
    made["Subject"], made["From"], made["To"] = "Of cities", "Ada <ada@example.org>", "Bob <bob@example.org>"
    made["Message-ID"] = "<1@example.org>"
    made.set_content("Cities are large.\n\nSee the table.\n")
    made.add_attachment(png("red"), "image", "png", filename="a.png")
    made.add_attachment(b"%PDF-1.4", "application", "pdf", filename="a.pdf")
    path.write_bytes(bytes(made))


def markdown(path: Path) -> None:
    rows = "\n".join(f"| {' | '.join(row)} |" for row in (CELLS[0], ("---", "---"), *CELLS[1:]))
    path.write_text(f"---\nkey: value\n---\n# Of *cities*\n\nCities are\n**large**.\n\n## Of people\n\n{rows}\n")


def plain(path: Path) -> None:
    path.write_bytes("Größe zählt.\r\n\r\nCities are\r\nlarge.\r\n".encode("cp1252"))


def values(path: Path) -> None:
    path.write_text("".join(f"{';'.join(row)}\n" for row in CELLS))


MAKERS: dict[str, Callable[[Path], None]] = {
    "a.docx": word,
    "a.pptx": slides,
    "a.xlsx": workbook,
    "a.odt": open_text,
    "a.html": web,
    "a.epub": book,
    "a.eml": mail,
    "a.md": markdown,
    "a.txt": plain,
    "a.csv": values,
}
