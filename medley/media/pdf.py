"""PDFs: their text with boxes and reading order, pictures of pages without a text layer, figures."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from medley.errors import CorruptMedia, EncryptedPdf, TooLarge, no_space
from medley.media.child import run_child
from medley.media.layout import Block, Line, reading_order
from medley.options import FigureOptions, PageOptions
from medley.settings import Limits
from medley.types import Asset

#: Name of the list of pages, or of figures, in an artifact.
PAGES = "pages.jsonl"
_AGAIN = "Copy or export it again"
_RANGE = 32  # pages that one child reads
_SIDE_PX = 3000
_NO_SPACE_EXIT, _ENCRYPTED_EXIT, _CORRUPT_EXIT = 28, 40, 41  # as pdf_child.py has them
_PROGRAM = Path(__file__).with_name("pdf_child.py")  # not imported: it loads PDFium


@dataclass(frozen=True, slots=True)
class Page:
    """One page: size and boxes in points, from the top left. `scan` is a picture of it where it has no text layer."""

    number: int
    width_pt: float
    height_pt: float
    blocks: tuple[Block, ...]
    scan: str = ""
    scan_scale: float = 1.0  #: its pixels for each point


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture or a drawing on a page; `image` is a file name within its artifact."""

    page: int
    box: tuple[float, float, float, float]
    image: str


@dataclass(frozen=True, slots=True)
class Read:
    """How many pages there are, and how much of them is lost."""

    pages: int
    damage: str


def parse_pdf(asset: Asset, directory: Path, options: PageOptions, limits: Limits) -> Read:
    """Writes PAGES and the scans into `directory`; page ranges are read at the same time, each in its own child.

    Raises EncryptedPdf, CorruptMedia, TooLarge, Cancelled.
    """
    job = {"want": "text", "ocr": options.ocr.value, "dpi": options.dpi, "max_side_px": _SIDE_PX}
    reader = _Reader(asset, directory, _password(options), limits, job)
    lost = []
    with (directory / PAGES).open("w") as file:
        for found in reader.pages():
            if "error" in found:
                lost.append(f"page {found['page']} ({found['error']})")
            else:
                scan = {"scan": found["scan"] or "", "scan_scale": found["scale"]}
                page = Page(found["page"], found["width_pt"], found["height_pt"], (), **scan)
                file.write(write_page(page, [_line(line) for line in found["lines"]]))
    return Read(reader.count, _damage(lost, reader.count, asset))


def find_figures(asset: Asset, directory: Path, pages: PageOptions, figures: FigureOptions, limits: Limits) -> Read:
    """Writes PAGES, one figure in a line, and their JPEGs; a picture on many pages counts once. Raises as above."""
    job = {"want": "figures", "dpi": pages.dpi, "max_side_px": figures.max_side_px}
    job |= {"min_side_pt": figures.min_side_pt, "most": figures.per_page}
    reader = _Reader(asset, directory, _password(pages), limits, job)
    seen: set[str] = set()
    with (directory / PAGES).open("w") as file:
        for found in reader.pages():
            for picture in found.get("pictures", ()):
                path = directory / picture["image"]
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                if content in seen:
                    path.unlink()
                    continue
                seen.add(content)
                file.write(json.dumps(asdict(Figure(found["page"], picture["box"], picture["image"]))) + "\n")
    return Read(reader.count, "")  # what is lost, the other branch says


def write_page(page: Page, lines: Sequence[Line]) -> str:
    """A line of PAGES: the page with those lines, in reading order."""
    rows = [[asdict(line) for line in block.lines] for block in reading_order(lines)]
    return json.dumps({**asdict(page), "blocks": rows}, ensure_ascii=False) + "\n"


def read_pages(directory: Path) -> Iterator[Page]:
    """What `parse_pdf` wrote, page by page."""
    with (directory / PAGES).open() as file:
        for line in file:
            row = json.loads(line)
            blocks = tuple(Block(tuple(_line(known) for known in block)) for block in row.pop("blocks"))
            yield Page(**row, blocks=blocks)


def read_figures(directory: Path) -> list[Figure]:
    """What `find_figures` wrote."""
    rows = [json.loads(line) for line in (directory / PAGES).read_text().splitlines()]
    return [Figure(row["page"], tuple(row["box"]), row["image"]) for row in rows]


class _Reader:
    """The pages of a document, by children."""

    def __init__(self, asset: Asset, directory: Path, password: str, limits: Limits, job: dict[str, Any]) -> None:
        self._asset, self._limits = asset, limits.model_copy(update={"wall_s": limits.pages_s})
        self._job = {**job, "path": asset.path, "password": password or None, "directory": str(directory)}
        self.count = self._count(limits)

    def pages(self) -> Iterator[dict[str, Any]]:
        """What the child says of each page, in order; a page that brings its child down is lost, not its neighbours."""
        ranges = [(at, min(at + _RANGE - 1, self.count)) for at in range(1, self.count + 1, _RANGE)]
        with ThreadPoolExecutor(max_workers=min(len(ranges), os.cpu_count() or 1)) as pool:
            for found in pool.map(lambda span: self._range(*span), ranges):
                yield from found

    def _count(self, limits: Limits) -> int:
        _, lines = self._child({**self._job, "want": "count"})
        if not lines:
            raise CorruptMedia("cannot be opened: its reader died of it", file=self._asset.path, remedy=_AGAIN)
        count = int(lines[0]["pages"])
        if not count:
            raise CorruptMedia("has no pages", file=self._asset.path, remedy=_AGAIN)
        if count > limits.max_pages:
            remedy = "Raise MEDLEY_LIMITS__MAX_PAGES if you trust the file"
            raise TooLarge(f"has {count} pages", file=self._asset.path, remedy=remedy)
        return count

    def _range(self, first: int, last: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while first + len(found) <= last:
            at = first + len(found)
            died, lines = self._child({**self._job, "first": at, "last": last})
            found += lines
            if first + len(found) <= last:
                found.append({"page": first + len(found), "error": died or "its reader died of it"})
        return found

    def _child(self, job: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
        """What a child said before its end, and why it ended early where that is known."""
        with tempfile.TemporaryDirectory() as scratch:
            told, done = Path(scratch, "job.json"), Path(scratch, "done.jsonl")
            told.write_text(json.dumps({**job, "done": str(done)}))
            told.chmod(0o600)
            why = ""
            try:
                command = [sys.executable, "-I", str(_PROGRAM), str(told)]
                child = run_child(command, cwd=Path(scratch), limits=self._limits, file="")
                self._check(child.returncode, child.stderr)
            except TooLarge as error:
                why = error.reason
            lines = done.read_text().splitlines() if done.exists() else []
        return why, [json.loads(line) for line in lines]

    def _check(self, returncode: int, complaints: str) -> None:
        if returncode == _ENCRYPTED_EXIT:
            wrong = "the password given is not its" if self._job["password"] else "needs a password"
            raise EncryptedPdf(wrong, file=self._asset.path, remedy="Give it with --pages.password")
        if returncode == _CORRUPT_EXIT:
            raise CorruptMedia("is damaged: it cannot be opened", file=self._asset.path, remedy=_AGAIN)
        if returncode == _NO_SPACE_EXIT:
            raise no_space(self._job["directory"])
        if returncode > 0:  # a program error of ours: a reader that dies is killed by a signal
            raise RuntimeError(f"{_PROGRAM.name} ended with {returncode}: {complaints}")


def _password(options: PageOptions) -> str:
    return options.password.get_secret_value() if options.password else ""


def _line(row: dict[str, Any]) -> Line:
    return Line(row["text"], tuple(row["box"]), row["hyphen"])


def _damage(lost: Sequence[str], count: int, asset: Asset) -> str:
    if len(lost) == count:
        raise CorruptMedia(f"no page of it can be read: {lost[0]}", file=asset.path, remedy=_AGAIN)
    return f"{len(lost)} of {count} pages are lost: {', '.join(lost[:5])}" if lost else ""
