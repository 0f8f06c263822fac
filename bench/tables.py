"""How many cells of tables are found in their places? `make bench-tables DATA=DIR`: PDFs beside their `*-str.xml`.

The measure is that of the ICDAR 2013 table competition, whose data has this form: pairs of cells that are neighbours
in a row or a column, by what is written in them (Göbel et al., 2012). Precision and recall over all pairs of all files.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

from medley.media.pdf import parse_pdf, read_pages
from medley.options import PageOptions
from medley.setting_groups import Limits
from medley.types import Asset, MediaInfo

#: Text of a cell, and the rows and columns over which it reaches.
Cell = tuple[str, range, range]
Pairs = Counter[tuple[str, str, str]]


def pairs(cells: list[Cell]) -> Pairs:
    """Returns the neighbours in a table: to the right and below, empty cells passed over."""
    owners = {(row, column): cell for cell in cells if cell[0] for row in cell[1] for column in cell[2]}
    seen: set[tuple[int, int, str]] = set()
    found: Pairs = Counter()
    for (row, column), cell in owners.items():
        for way, down, right in (("right", 0, 1), ("below", 1, 0)):
            ahead = ((row + down * n, column + right * n) for n in range(1, 200))
            other = next((owners[place] for place in ahead if place in owners), cell)
            if other is not cell and (id(cell), id(other), way) not in seen:
                seen.add((id(cell), id(other), way))
                found[cell[0], other[0], way] += 1
    return found


def plain(text: str) -> str:
    """Leaves letters and digits only."""
    return re.sub(r"[\W_]+", "", text).lower()


def known_pairs(path: Path) -> Pairs:
    """Reads what is right."""
    found: Pairs = Counter()
    for table in ET.parse(path).getroot().iter("table"):  # noqa: S314  # somebody's own files
        cells: list[Cell] = []
        for region in table.iter("region"):
            before = {edge: int(region.get(f"{edge}-increment") or 0) for edge in ("row", "col")}
            cells += [_cell(cell, before) for cell in region.iter("cell")]
        found += pairs(cells)
    return found


def _cell(cell: ET.Element, before: dict[str, int]) -> Cell:
    spans = []
    for edge, rows_before in before.items():
        first = int(cell.get(f"start-{edge}", "0"))
        spans.append(range(rows_before + first, rows_before + int(cell.get(f"end-{edge}") or first) + 1))
    return plain(cell.findtext("content") or ""), spans[0], spans[1]


def found_pairs(path: Path) -> Pairs:
    """Reads a PDF as a run does."""
    asset = Asset("0" * 64, str(path), path.stat().st_size, MediaInfo("pdf", "application/pdf"))
    found: Pairs = Counter()
    with tempfile.TemporaryDirectory() as made:
        parse_pdf(asset, Path(made), PageOptions(), Limits())
        for page in read_pages(Path(made)):
            for block in page.blocks:
                places = ((n, at, text) for n, row in enumerate(block.cells) for at, text in enumerate(row))
                found += pairs([(plain(text), range(n, n + 1), range(at, at + 1)) for n, at, text in places])
    return found


def main() -> None:
    """Prints each file, the worst first, and all of them together."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    known: Pairs
    told, right, wanted, given = [], 0, 0, 0
    for path in sorted(parser.parse_args().data.glob("*-str.xml")):
        document = path.with_name(path.name.replace("-str.xml", ".pdf"))
        if not document.exists():
            continue
        known, found = known_pairs(path), found_pairs(document)
        both = (known & found).total()
        right, wanted, given = right + both, wanted + known.total(), given + found.total()
        told.append((both / max(1, known.total()), both / max(1, found.total()), path.name))
    for recall, precision, name in sorted(told):
        print(f"recall {recall:.2f}  precision {precision:.2f}  {name}")
    recall, precision = right / wanted, right / given
    f1 = 2 * recall * precision / (recall + precision)
    print(f"{len(told)} files: recall {recall:.3f}, precision {precision:.3f}, F1 {f1:.3f}")


if __name__ == "__main__":
    main()
