"""PDFs: their text with boxes and reading order, pictures of pages without a text layer, figures."""

from __future__ import annotations

import csv
import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from medley.about import About, about_from
from medley.errors import CorruptMedia, EncryptedPdf, TooLarge
from medley.media.attachments import notes_of
from medley.media.job import JobResult, run_job
from medley.media.layout import Block, Line, plain
from medley.media.pdf_exits import CORRUPT_EXIT, ENCRYPTED_EXIT
from medley.media.source import Source, asset_source
from medley.media.spread import HERE, Spread
from medley.media.tables import blocks_with_tables
from medley.options import FigureOptions, PageOptions
from medley.plain import to_json
from medley.setting_groups import Limits
from medley.types import Asset

#: Name of the list of pages, or of figures, in an artifact.
PAGES = "pages.jsonl"
_AGAIN = "Copy or export it again"
_RANGE = 32  # pages that one child reads
_SIDE_PX = 3000
_PROGRAM = Path(__file__).with_name("pdf_child.py")  # not imported: it loads PDFium


@dataclass(frozen=True, slots=True)
class Page:
    """One page: size and boxes in points, from the top left.

    `scan` is a picture of what may hold text that its layer lacks, `scan_area` which part of the page that is.
    """

    number: int
    width_pt: float
    height_pt: float
    blocks: tuple[Block, ...]
    scan: str = ""
    scan_scale: float = 1.0  #: its pixels for each point
    scan_area: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture or a drawing on a page; `image` is a file name within its artifact."""

    page: int
    box: tuple[float, float, float, float]
    image: str
    caption: str = ""  #: the words on the page that name it


_XFA = "is a dynamic form (XFA), which only Adobe's programs draw: what it says is not read"


@dataclass(frozen=True, slots=True)
class Read:
    """How many pages there are, how much of the document is lost, what else there is to say, and what it is called."""

    pages: int
    damage: str
    notes: tuple[str, ...] = ()
    about: About = ()
    attached: tuple[str, ...] = ()  #: names of files in it


def parse_pdf(asset: Asset, directory: Path, options: PageOptions, limits: Limits, spread: Spread = HERE) -> Read:
    """Writes PAGES and the scans into `directory`; page ranges are read at the same time, each in its own child.

    Raises EncryptedPdf, CorruptMedia, TooLarge, Cancelled.
    """
    job = {"want": "text", "ocr": options.ocr.value, "dpi": options.dpi, "max_side_px": _SIDE_PX}
    lost = []
    with asset_source(asset) as source, (directory / PAGES).open("w") as file:
        reader = _Reader(source, directory, _password(options), limits, job)
        for found in reader.pages(asset, spread):
            if "error" in found:
                lost.append(f"page {found['page']} ({found['error']})")
            else:
                scan = {"scan": found["scan"], "scan_scale": found["scale"], "scan_area": found["area"]}
                page = Page(found["page"], found["width_pt"], found["height_pt"], (), **scan)
                file.write(_page_line(page, found["blocks"]))
    attached, locked = tuple(reader.beside.get("attached", ())), bool(_password(options))
    damage = [_damage(lost, reader.count, asset), _XFA if reader.beside.get("xfa") else ""]
    about = about_from(reader.beside.get("tags", {}))
    notes = notes_of(attached, locked=locked)
    return Read(reader.count, "; ".join(filter(None, damage)), notes, about, () if locked else attached)


def find_figures(
    asset: Asset,
    directory: Path,
    pages: PageOptions,
    figures: FigureOptions,
    limits: Limits,
    spread: Spread = HERE,
) -> Read:
    """Writes PAGES, one figure in a line, and their JPEGs; a picture on many pages counts once. Raises as above."""
    job = {"want": "figures", "dpi": pages.dpi, "max_side_px": figures.max_side_px}
    job |= {"min_side_pt": figures.min_side_pt, "most": figures.per_page}
    seen: set[str] = set()
    with asset_source(asset) as source, (directory / PAGES).open("w") as file:
        reader = _Reader(source, directory, _password(pages), limits, job)
        for found in reader.pages(asset, spread):
            for picture in found.get("pictures", ()):
                path = directory / picture["image"]
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                if content in seen:
                    path.unlink()
                    continue
                seen.add(content)
                file.write(to_json(asdict(Figure(page=found["page"], **picture))) + "\n")
    return Read(reader.count, "")  # what is lost, the other branch says


def write_page(page: Page, lines: Sequence[Line]) -> str:
    """Formats one line of PAGES: the page with `lines`, in reading order."""
    return _page_line(page, [[plain(line) for line in block.lines] for block in blocks_with_tables(lines)])


def _page_line(page: Page, blocks: Sequence[Sequence[dict[str, Any]]]) -> str:
    return to_json({**asdict(page), "blocks": blocks}) + "\n"


def read_pages(directory: Path) -> Iterator[Page]:
    """Reads what `parse_pdf` wrote, page by page."""
    with (directory / PAGES).open() as file:
        for line in file:
            row = json.loads(line)
            blocks = tuple(Block(tuple(_line(known) for known in block)) for block in row.pop("blocks"))
            yield Page(**row, blocks=blocks)


def write_tables(pages: Iterable[Page], directory: Path, name: str) -> None:
    """Writes the tables of pages as CSV: `<name>-<page>-<number on it>.csv`."""
    for page in pages:
        tables = (block.cells for block in page.blocks if block.cells)
        for number, cells in enumerate(tables, 1):
            with (directory / f"{name}-{page.number:05}-{number}.csv").open("w", newline="") as file:
                csv.writer(file).writerows(cells)


def has_figures(directory: Path) -> bool:
    """Says whether `find_figures` wrote into `directory`."""
    return (directory / PAGES).is_file()


def read_figures(directory: Path) -> list[Figure]:
    """Reads the figures that `find_figures` wrote."""
    rows = [json.loads(line) for line in (directory / PAGES).read_text().splitlines()]
    return [Figure(**{**row, "box": tuple(row["box"])}) for row in rows]


@dataclass(frozen=True, slots=True)
class _Span:
    """Pages of a document of `count`, as another machine gets to know of them."""

    first: int
    last: int
    count: int
    ends_at: float  #: seconds since 1970
    wants: dict[str, Any]
    password: str
    limits: Limits


def read_span(asset: Asset, span: _Span, directory: Path) -> list[dict[str, Any]]:
    """Reads some pages of a PDF; their pictures are written into `directory`. Raises as `parse_pdf`."""
    with asset_source(asset) as source:
        left_s = span.ends_at - time.time()
        reader = _Reader(source, directory, span.password, span.limits, span.wants, span.count, left_s)
        return reader.range(span.first, span.last)


class _Reader:
    """The pages of a document, by children; `count` and `beside` are known once the first ones have been read."""

    def __init__(
        self,
        source: Source,
        directory: Path,
        password: str,
        limits: Limits,
        job: dict[str, Any],
        count: int = 0,
        left_s: float | None = None,
    ) -> None:
        self._source, self._directory, self._limits = source, directory, limits
        self._ends = time.monotonic() + (limits.file_s if left_s is None else left_s)
        self._wants, self._password = job, password
        self._job = {**job, "path": str(source.path), "password": password or None, "directory": str(directory)}
        self.count = count
        self.beside: dict[str, Any] = {}

    def pages(self, asset: Asset, spread: Spread) -> Iterator[dict[str, Any]]:
        """Yields the child's report on each page, in order; a page that kills its child is lost, not its neighbours."""
        yield from self.range(1, _RANGE)
        ends_at = time.time() + self._ends - time.monotonic()
        more = [
            _Span(at, at + _RANGE - 1, self.count, ends_at, self._wants, self._password, self._limits)
            for at in range(_RANGE + 1, self.count + 1, _RANGE)
        ]
        for found in spread.run(read_span, asset, more, self._directory):
            yield from found

    def range(self, first: int, last: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while not self.count or first + len(found) <= min(last, self.count):
            if self.count and time.monotonic() > self._ends:
                why = f"it takes more than {self._limits.file_s:g} s to read (MEDLEY_LIMITS__FILE_S)"
                return found + [{"page": n, "error": why} for n in range(first + len(found), min(last, self.count) + 1)]
            told = self._child(first + len(found), last)
            found += told.lines[1:]
            if first + len(found) <= min(last, self.count):
                found.append({"page": first + len(found), "error": told.too_long or "its reader died of it"})
        return found

    def _child(self, first: int, last: int) -> JobResult:
        job = {**self._job, "first": first, "last": last}
        left_s = max(1.0, self._ends - time.monotonic())
        limits = self._limits.for_a_part()
        limits = limits.model_copy(update={"wall_s": min(limits.wall_s, left_s)})
        told = run_job(_PROGRAM, job, limits, self._directory, [self._source])
        if told.exit == ENCRYPTED_EXIT:
            wrong = "the password given is not its" if self._job["password"] else "needs a password"
            raise EncryptedPdf(wrong, file=self._source.name, remedy="Give it with --pages.password")
        if told.exit == CORRUPT_EXIT:
            raise CorruptMedia("is damaged: it cannot be opened", file=self._source.name, remedy=_AGAIN)
        self._note_count(told)
        return told

    def _note_count(self, told: JobResult) -> None:
        """Raises CorruptMedia where there is none, TooLarge where it is beyond the limit."""
        self.beside = self.beside or (told.lines[0] if told.lines else {})
        self.count = self.count or int(self.beside.get("pages", 0))
        if not self.count:
            why = "has no pages" if told.lines else f"cannot be opened: {told.too_long or 'its reader died of it'}"
            raise CorruptMedia(why, file=self._source.name, remedy=_AGAIN)
        if self.count > self._limits.max_pages:
            remedy = "Raise MEDLEY_LIMITS__MAX_PAGES if you trust the file"
            raise TooLarge(f"has {self.count} pages", file=self._source.name, remedy=remedy)


def _password(options: PageOptions) -> str:
    return options.password.get_secret_value() if options.password else ""


def _line(row: dict[str, Any]) -> Line:
    return Line(row["text"], tuple(row["box"]), row["hyphen"], row["turn"], cells=tuple(row.get("cells", ())))


def _damage(lost: Sequence[str], count: int, asset: Asset) -> str:
    if len(lost) == count:
        raise CorruptMedia(f"no page of it can be read: {lost[0]}", file=asset.path, remedy=_AGAIN)
    return f"{len(lost)} of {count} pages are lost: {', '.join(lost[:5])}" if lost else ""
