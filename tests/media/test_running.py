"""Headers, footers and page numbers, told from what a page says."""

from __future__ import annotations

from pathlib import Path

import pytest

from medley.export import markdown
from medley.media.pdf import PAGES, Page, parse_pdf, read_pages
from medley.media.running import running_lines, without_running
from medley.options import PageOptions
from medley.setting_groups import Limits
from medley.types import Asset, MediaInfo
from tasks.pages import pages_as_json
from tests import documents
from tests.fakes import asset_id

WORDS = ("apples", "harbours", "whales", "budgets", "glaciers", "violins", "deserts", "engines")


def book(path: Path, count: int = 8, *, odd: str = "The atlas of everything", even: str = "Part one") -> Path:
    """Each page: a header, other ones on the left and on the right, two lines of text, a footer with its number."""
    pages = (
        documents.text(
            (60, 40, odd if n % 2 else even),
            (60, 120, f"Chapter {n} is about {WORDS[n - 1]}"),
            (60, 136, "and this sentence stands on every page of it."),
            (60, 810, f"ACME 2024, page {n} of {count}"),
            (500, 810, str(n)),
        )
        for n in range(1, count + 1)
    )
    return documents.pdf(path, *pages)


def parsed(path: Path, directory: Path) -> list[Page]:
    directory.mkdir()
    asset = Asset(asset_id(path.name), str(path), path.stat().st_size, MediaInfo("", "application/pdf"))
    parse_pdf(asset, directory, PageOptions(), Limits())
    assert (directory / PAGES).is_file()
    return list(read_pages(directory))


def told(pages: list[Page]) -> tuple[list[str], list[str]]:
    """The text of each page, and what is told once."""
    running, texts, once = running_lines(pages), [], []
    for page in pages:
        body, first = without_running(page.blocks, page.number, running)
        texts.append(" ".join(block.text for block in body))
        once += [line.text for line in first]
    return texts, once


def test_each_is_kept_once_and_the_text_of_every_page(tmp_path: Path) -> None:
    texts, once = told(parsed(book(tmp_path / "book.pdf"), tmp_path / "made"))
    expected = [
        f"Chapter {n} is about {word} and this sentence stands on every page of it." for n, word in enumerate(WORDS, 1)
    ]
    assert texts == expected
    assert sorted(once) == ["ACME 2024, page 1 of 8", "Part one", "The atlas of everything"]


def test_exports_say_what_they_are(tmp_path: Path) -> None:
    parsed(book(tmp_path / "book.pdf"), tmp_path / "made")
    pages = pages_as_json("text")(tmp_path / "made")["pages"]
    roles = {block["text"]: block.get("role") for block in pages[2]["blocks"]}
    assert roles["The atlas of everything"] == "header"
    assert {role for text, role in roles.items() if "Chapter" in text} == {None}
    assert all("The atlas of everything" in page["text"] for page in pages[::2]), "the JSON has all of a page"
    written = markdown(pages)
    assert (written.count("The atlas of everything"), written.count("Part one"), written.count("ACME")) == (1, 1, 1)
    assert all(word in written for word in WORDS)


@pytest.mark.parametrize("count", [1, 2])
def test_a_short_document_has_none(tmp_path: Path, count: int) -> None:
    _, once = told(parsed(book(tmp_path / "book.pdf", count), tmp_path / "made"))
    assert once == []


def test_numbers_in_the_margin_that_count_nothing_are_text(tmp_path: Path) -> None:
    sums = (17, 230, 45, 9, 1024, 88)
    pages = (documents.text((60, 50, f"Total: {n} EUR"), (60, 300, f"Receipt {k}")) for k, n in enumerate(sums))
    texts, once = told(parsed(documents.pdf(tmp_path / "sums.pdf", *pages), tmp_path / "made"))
    assert [f"Total: {n} EUR" in text for n, text in zip(sums, texts, strict=True)] == [True] * 6
    assert once == []


def test_titles_that_count_are_text(tmp_path: Path) -> None:
    pages = (documents.text((60, 50, f"Invoice {1000 + n}"), (60, 300, "Thank you")) for n in range(1, 6))
    texts, once = told(parsed(documents.pdf(tmp_path / "invoices.pdf", *pages), tmp_path / "made"))
    assert [f"Invoice {1000 + n}" in text for n, text in enumerate(texts, 1)] == [True] * 5
    assert once == []


def test_words_that_come_again_elsewhere_on_a_page_are_text(tmp_path: Path) -> None:
    heights = (300, 500, 300, 300, 450)
    pages = (documents.text((60, at, "To be continued"), (60, 600, f"Part {n}")) for n, at in enumerate(heights))
    texts, once = told(parsed(documents.pdf(tmp_path / "parts.pdf", *pages), tmp_path / "made"))
    assert ["To be continued" in text for text in texts] == [True] * 5
    assert once == []
