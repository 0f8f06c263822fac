"""Reads pages of a PDF. A program: see pdf.py, which runs it.

Its job is {"path", "password", "first", "last", "want": "text" or "figures", "directory", ...}; pages count from 1. It
says how many there are, then one thing about each. PDFium is not thread-safe and parses somebody else's bytes: each
document has a process of its own.

Boxes are [x0, y0, x1, y1] in points from the top left of the page as it is shown, turned and cropped.
"""

import ctypes
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from medley.media.job_child import Tell, reason_of, serve
from medley.media.pdf_exits import CORRUPT_EXIT, ENCRYPTED_EXIT

_FINE = 64  # parts of a point in PDFium's whole device units
_QUALITY = 90
_LETTERS_OF_A_TEXT_LAYER = 8
_BREAKS = ("\r", "\n")
_HYPHEN = "\x02"  # PDFium's word for a hyphen at the end of a line that no longer belongs to the word

Box = tuple[float, float, float, float]


def to_shown(page: Any, box: Box) -> Box:
    """A box of the page's own coordinates, from the bottom left, as it is shown."""
    width, height = page.get_size()
    corners = []
    for x, y in ((box[0], box[1]), (box[2], box[3])):
        at_x, at_y = ctypes.c_int(), ctypes.c_int()
        size = (round(width * _FINE), round(height * _FINE))
        pdfium_c.FPDF_PageToDevice(page, 0, 0, *size, 0, x, y, at_x, at_y)
        corners.append((at_x.value / _FINE, at_y.value / _FINE))
    (ax, ay), (bx, by) = corners
    return min(ax, bx), min(ay, by), max(ax, bx), max(ay, by)


def letters(text: Any) -> Iterator[tuple[str, Box | None]]:
    """Each character with its ink's box; None for white space and what PDFium has put in."""
    edges = [ctypes.c_double() for _ in range(4)]
    left, right, bottom, top = edges
    for n in range(text.count_chars()):
        letter = chr(pdfium_c.FPDFText_GetUnicode(text, n))
        if letter in ("\x00", "\ufffe", "\uffff"):
            continue
        inked = not letter.isspace() and not pdfium_c.FPDFText_IsGenerated(text, n)
        if inked and pdfium_c.FPDFText_GetCharBox(text, n, left, right, bottom, top):
            yield letter, (left.value, bottom.value, right.value, top.value)
        else:
            yield letter, None


def lines_of(page: Any) -> list[dict[str, Any]]:
    """Runs of text on one line without a wide gap, in PDFium's order."""
    text = page.get_textpage()
    found: list[dict[str, Any]] = []
    run: list[tuple[str, Box | None]] = []
    for letter, box in letters(text):
        if letter in _BREAKS or (box and _apart(run, box)):
            found += _line(page, run)
            run = []
        if letter not in _BREAKS:
            run.append((letter, box))
    found += _line(page, run)
    text.close()
    return found


def _apart(run: list[tuple[str, Box | None]], box: Box) -> bool:
    """Whether a letter is too far from the run's last one to belong to it. Numbers and bullets keep their text."""
    inked = [known for _, known in run if known]
    if len(inked) <= 3:
        return False
    height = max(known[3] - known[1] for known in inked[-20:])
    last = inked[-1]
    return box[0] - last[2] > max(height, 4.0) or last[0] - box[2] > 20.0 * max(height, 4.0)


def _line(page: Any, run: list[tuple[str, Box | None]]) -> list[dict[str, Any]]:
    boxes = [box for _, box in run if box]
    halves = "".join(letter for letter, _ in run).encode("utf-16-le", "surrogatepass")  # PDFium counts in UTF-16
    text = " ".join(halves.decode("utf-16-le", "replace").split())
    if not boxes or not text:
        return []
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    whole = (min(x0), min(y0), max(x1), max(y1))
    hyphen = text.endswith(_HYPHEN)
    text = text.replace(_HYPHEN, "")
    return [{"text": text, "box": to_shown(page, whole), "hyphen": hyphen}] if text else []


def read_page(page: Any, number: int, job: dict[str, Any]) -> dict[str, Any]:
    """Its text; a page without a text layer is drawn for the OCR."""
    lines = lines_of(page)
    written = sum(len(line["text"].replace(" ", "")) for line in lines)
    wanted = job["ocr"] == "always" or (job["ocr"] == "auto" and written < _LETTERS_OF_A_TEXT_LAYER)
    scan, scale = None, 1.0
    if wanted and next(iter(page.get_objects(max_depth=1)), None) is not None:
        scan = f"scan-{number:05}.jpg"
        scale = _scale(page.get_size(), job["dpi"] / 72.0, job["max_side_px"])
        _save(page.render(scale=scale), Path(job["directory"], scan))
    width, height = page.get_size()
    return {"width_pt": width, "height_pt": height, "lines": lines, "scan": scan, "scale": scale}


def figures(page: Any, number: int, job: dict[str, Any]) -> dict[str, Any]:
    """Pictures of the page, and its drawings, each drawn as it is shown there."""
    width, height = page.get_size()
    found = []
    for n, box in enumerate(_figure_boxes(page, job["min_side_pt"])[: job["most"]], 1):
        name = f"page-{number:05}-{n:02}.jpg"
        scale = _scale((box[2] - box[0], box[3] - box[1]), job["dpi"] / 72.0, job["max_side_px"])
        cut = (box[0], height - box[3], width - box[2], box[1])
        _save(page.render(scale=scale, crop=cut), Path(job["directory"], name))
        found.append({"box": box, "image": name})
    return {"pictures": found}


def _figure_boxes(page: Any, min_side_pt: float) -> list[Box]:
    width, height = page.get_size()
    pictures: list[Box] = []
    drawn: list[Box] = []
    for thing in page.get_objects(max_depth=1):
        box = _clipped(to_shown(page, thing.get_bounds()), width, height)
        wide, high = box[2] - box[0], box[3] - box[1]
        if thing.type == pdfium_c.FPDF_PAGEOBJ_IMAGE:
            pictures.append(box)
        elif thing.type != pdfium_c.FPDF_PAGEOBJ_TEXT and wide * high < 0.85 * width * height:
            drawn.append(box)  # what covers the page is its background
    candidates = [*pictures, *_clusters(drawn, width, height)]
    large = [box for box in candidates if min(box[2] - box[0], box[3] - box[1]) >= min_side_pt]
    within = [box for box in large if not any(other != box and _inside(box, other) for other in large)]
    return sorted(set(within), key=lambda box: (box[1], box[0]))


def _clusters(boxes: list[Box], width: float, height: float) -> list[Box]:
    """Drawings: shapes that touch or nearly touch, of which at least one is more than a rule or a frame's edge."""
    cell = max(12.0, max(width, height) / 100.0)
    owners: dict[tuple[int, int], list[int]] = {}
    for n, box in enumerate(boxes):
        for x in range(int(box[0] // cell), int(box[2] // cell) + 1):
            for y in range(int(box[1] // cell), int(box[3] // cell) + 1):
                owners.setdefault((x, y), []).append(n)
    found = []
    while owners:
        members, edge = set(), [next(iter(owners))]
        while edge:
            x, y = edge.pop()
            if (mine := owners.pop((x, y), None)) is not None:
                members.update(mine)
                edge += [(x + dx, y + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)]
        shapes = [boxes[n] for n in members]
        if any(min(box[2] - box[0], box[3] - box[1]) > 4.0 for box in shapes):
            x0, y0, x1, y1 = zip(*shapes, strict=True)
            found.append((min(x0), min(y0), max(x1), max(y1)))
    return found


def _clipped(box: Box, width: float, height: float) -> Box:
    x0, y0 = max(0.0, box[0]), max(0.0, box[1])
    return x0, y0, max(x0, min(width, box[2])), max(y0, min(height, box[3]))


def _inside(box: Box, other: Box) -> bool:
    return other[0] <= box[0] and other[1] <= box[1] and other[2] >= box[2] and other[3] >= box[3]


def _scale(size: tuple[float, float], wanted: float, max_side_px: int) -> float:
    return min(wanted, max_side_px / max(*size, 1.0))


def _save(bitmap: Any, target: Path) -> None:
    bitmap.to_pil().convert("RGB").save(target, "JPEG", quality=_QUALITY)
    bitmap.close()


def work(job: dict[str, Any], tell: Tell) -> None:
    """First how many pages there are, then each page that is wanted."""
    document = _opened(job)
    tell({"pages": len(document)})
    look = read_page if job["want"] == "text" else figures
    for number in range(job["first"], min(job["last"], len(document)) + 1):
        try:
            page = document[number - 1]
            found = look(page, number, job)
            page.close()
        except Exception as error:  # noqa: BLE001  # whatever PDFium or Pillow raise, it is this page's fault
            traceback.print_exc()
            found = {"error": reason_of(error)}
        tell({"page": number, **found})


def _opened(job: dict[str, Any]) -> Any:
    try:
        return pdfium.PdfDocument(job["path"], password=job["password"])
    except pdfium.PdfiumError as error:
        if "Success" in str(error):  # PDFium's way to say that there are no pages
            return []
        sys.exit(ENCRYPTED_EXIT if "assword" in str(error) else CORRUPT_EXIT)


if __name__ == "__main__":
    serve(work)
