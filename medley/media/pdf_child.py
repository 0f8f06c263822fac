"""Reads pages of a PDF. A program: see pdf.py, which runs it.

Its job is {"path", "password", "first", "last", "want": "text", "figures" or "drawing", "directory", ...}; pages count
from 1. It says how many there are (and what else), then one thing about each. Of {"want": "attached", "number"} it
writes that file. PDFium is not thread-safe and parses somebody else's bytes: each document has a process of its own.

Boxes are [x0, y0, x1, y1] in points from the top left of the page as it is shown, turned and cropped.
"""

import sys
import traceback
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
from PIL import Image, ImageDraw

from medley.media.figure_captions import caption_of
from medley.media.job_child import ATTACHED, Tell, reason_of, serve
from medley.media.layout import Box, Line, plain, reading_order
from medley.media.pdf_exits import CORRUPT_EXIT, ENCRYPTED_EXIT
from medley.media.pdf_figures import boxes_of_figures, boxes_of_pictures
from medley.media.pdf_layers import switch_off
from medley.media.pdf_notes import missing_from, notes_of
from medley.media.pdf_rules import rules_of, shown_rules
from medley.media.pdf_text import lines_of, readable
from medley.media.tables import blocks_with_tables

_QUALITY = 90
_LETTERS_OF_A_TEXT_LAYER = 8
#: From this share of a page on, characters of no script mean that its fonts are damaged.
_BROKEN = 0.3
#: A picture that covers so much of the page is looked at for text where the layer has next to none over it.
_COVERS, _LETTERS_OVER_A_SCAN = 0.5, 200


def read_page(document: Any, page: Any, number: int, job: dict[str, Any]) -> dict[str, Any]:
    """Reads a page's text in reading order; draws for the OCR the part that may hold text that the layer lacks."""
    notes = notes_of(document, page)
    page = _with_fields(document, page, number)
    switch_off(page)
    rules = rules_of(page)
    lines = lines_of(page, rules)
    lines += missing_from(lines, notes)
    width, height = page.get_size()
    letters, broken = readable("".join(line.text for line in lines))
    if broken > _BROKEN * (letters + broken):
        lines = [line for line in lines if _is_readable(line)]
    area = _to_be_read(page, lines, letters, broken) if job["ocr"] == "auto" else None
    area = (0.0, 0.0, width, height) if job["ocr"] == "always" else area
    found = {"width_pt": width, "height_pt": height, "scan": "", "scale": 1.0, "area": area}
    if area and next(iter(page.get_objects(max_depth=1)), None) is not None:
        found["scan"] = f"scan-{number:05}.jpg"
        found["scale"] = _scale((area[2] - area[0], area[3] - area[1]), job["dpi"] / 72.0, job["max_side_px"])
        _draw(page, area, found["scale"], Path(job["directory"], found["scan"]))
    blocks = blocks_with_tables(lines, shown_rules(page, rules))
    page.close()
    return found | {"blocks": [[plain(line) for line in block.lines] for block in blocks]}


def _with_fields(document: Any, page: Any, number: int) -> Any:
    """The page with what is written in fields and notes drawn onto it."""
    if pdfium_c.FPDFPage_Flatten(page, pdfium_c.FLAT_NORMALDISPLAY) != pdfium_c.FLATTEN_SUCCESS:
        return page
    page.close()
    return document[number - 1]


def _is_readable(line: Line) -> bool:
    letters, broken = readable(line.text)
    return broken <= _BROKEN * (letters + broken)


def _to_be_read(page: Any, lines: list[Line], letters: int, broken: int) -> Box | None:
    """The part of the page that wants the OCR: all of it where there is no sound layer, else a picture of text."""
    width, height = page.get_size()
    if letters < _LETTERS_OF_A_TEXT_LAYER or broken > _BROKEN * (letters + broken):
        return 0.0, 0.0, width, height
    for box in boxes_of_pictures(page):
        if (box[2] - box[0]) * (box[3] - box[1]) >= _COVERS * width * height:
            over = sum(len(line.text) for line in lines if _stands_on(line, box))
            if over < _LETTERS_OVER_A_SCAN:
                return box
    return None


def _stands_on(line: Line, box: Box) -> bool:
    x, y = (line.box[0] + line.box[2]) / 2, (line.box[1] + line.box[3]) / 2
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]


def figures(document: Any, page: Any, number: int, job: dict[str, Any]) -> dict[str, Any]:
    """Pictures of the page, and its drawings, each drawn as it is shown there."""
    switch_off(page)
    found = []
    boxes = boxes_of_figures(page, job["min_side_pt"])[: job["most"]]
    text = reading_order(lines_of(page)) if boxes else []
    for n, box in enumerate(boxes, 1):
        name = f"page-{number:05}-{n:02}.jpg"
        scale = _scale((box[2] - box[0], box[3] - box[1]), job["dpi"] / 72.0, job["max_side_px"])
        _draw(page, box, scale, Path(job["directory"], name))
        found.append({"box": box, "image": name, "caption": caption_of(box, text)})
    page.close()
    return {"pictures": found}


def drawn(document: Any, page: Any, number: int, job: dict[str, Any]) -> dict[str, Any]:
    """Draws the page as PNG, with a frame around each box of the job."""
    page = _with_fields(document, page, number)
    switch_off(page)
    scale = _scale(page.get_size(), job["dpi"] / 72.0, job["max_side_px"])
    picture = page.render(scale=scale).to_pil().convert("RGB")
    shades = Image.new("RGBA", picture.size)
    for box in job["boxes"]:
        edges = [round(edge * scale) + grown for edge, grown in zip(box, (-5, -5, 5, 5), strict=True)]
        ImageDraw.Draw(shades).rectangle(edges, fill=(255, 200, 0, 60), outline=(200, 80, 0, 255), width=3)
    picture.paste(shades, mask=shades)
    picture.save(Path(job["directory"], job["image"]), "PNG")
    page.close()
    return {"image": job["image"]}


def _draw(page: Any, area: Box, scale: float, target: Path) -> None:
    width, height = page.get_size()
    cut = (area[0], height - area[3], width - area[2], area[1])
    bitmap = page.render(scale=scale, crop=cut)
    bitmap.to_pil().convert("RGB").save(target, "JPEG", quality=_QUALITY)
    bitmap.close()


def _scale(size: tuple[float, float], wanted: float, max_side_px: int) -> float:
    return min(wanted, max_side_px / max(*size, 1.0))


def work(job: dict[str, Any], tell: Tell) -> None:
    """Tells first how many pages the document has, then what is found on each page that is wanted."""
    document = _opened(job)
    if job["want"] == "attached":
        if document and job["number"] <= document.count_attachments():
            Path(job["directory"], ATTACHED).write_bytes(document.get_attachment(job["number"] - 1).get_data())
        return
    if document:
        document.init_forms()
    tell({"pages": len(document), **_beside(document)})
    look = {"text": read_page, "figures": figures, "drawing": drawn}[job["want"]]
    for number in range(job["first"], min(job["last"], len(document)) + 1):
        try:
            found = look(document, document[number - 1], number, job)
        except Exception as error:  # noqa: BLE001  # whatever PDFium or Pillow raise, it is this page's fault
            traceback.print_exc()
            found = {"error": reason_of(error)}
        tell({"page": number, **found})


def _beside(document: Any) -> dict[str, Any]:
    """What there is besides pages: tags, files that are attached, a form that only Adobe's programs draw."""
    if not document:
        return {}
    drawn_by_adobe = pdfium_c.FPDF_GetFormType(document) == pdfium_c.FORMTYPE_XFA_FULL
    attached = [document.get_attachment(n).get_name() for n in range(document.count_attachments())]
    return {"attached": attached, "xfa": drawn_by_adobe, "tags": document.get_metadata_dict(skip_empty=True)}


def _opened(job: dict[str, Any]) -> Any:
    try:
        return pdfium.PdfDocument(job["path"], password=job["password"])
    except pdfium.PdfiumError as error:
        if "Success" in str(error):  # PDFium's way to say that there are no pages
            return []
        sys.exit(ENCRYPTED_EXIT if "assword" in str(error) else CORRUPT_EXIT)


if __name__ == "__main__":
    serve(work)
