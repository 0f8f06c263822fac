"""What an `Index` answers with: dataclasses that notebooks show as tables."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, overload

from medley.errors import MedleyError
from medley.types import clock


@dataclass(frozen=True, slots=True)
class Evidence:
    """A record that speaks for a hit. Times in seconds, pages from 1, boxes in points from the top left."""

    record_id: str
    modality: str
    score: float
    start_s: float | None = None
    end_s: float | None = None
    page: int | None = None
    box: list[float] | None = None
    text: str = ""
    thumbnail: str | None = None
    raw: dict[str, float] = field(default_factory=dict)
    speaker: str | None = None
    labels: list[str] = field(default_factory=list)
    track: int | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A moment: a file, a time span or page, and the evidence, best first.

    `score`: 0..1, comparable between queries; `weak`: fits about as well as hits of queries that nothing fits.
    `parent`: the file that it is attached to, if it is attached to one. `shot`: begin and end of the shot in seconds,
    where evidence is a frame. `speaker`: who speaks, by name or number. `track`: of sound, subtitles or
    pictures, from 1, where several are indexed.
    """

    path: str | None
    asset_id: str
    record_id: str
    modality: str
    score: float
    start_s: float | None = None
    end_s: float | None = None
    page: int | None = None
    box: list[float] | None = None
    text: str = ""
    thumbnail: str | None = None
    evidence: tuple[Evidence, ...] = ()
    weak: bool = False
    title: str | None = None
    shot: list[float] | None = None
    speaker: str | None = None
    labels: list[str] = field(default_factory=list)
    parent: str | None = None
    track: int | None = None

    @classmethod
    def of(cls, found: dict[str, Any]) -> Hit:
        """Builds the hit from its JSON object in an answer of `medley search --json`."""
        return cls(**{**found, "evidence": tuple(Evidence(**one) for one in found["evidence"])})

    @property
    def where(self) -> str:
        """The place in the file, for people: "0:12.4 - 0:15.0", "page 3", or "" for all of it."""
        if self.start_s is not None:
            begin, end = clock(self.start_s), clock(self.end_s or self.start_s)
            return begin if begin == end else f"{begin} - {end}"
        return "" if self.page is None else f"page {self.page}"

    def _repr_html_(self) -> str:
        return _table([self._cells()])

    def _cells(self) -> list[str]:
        return [_picture(self.thumbnail), escape(_name(self.path)), self.where, self.modality, escape(self.text)]


class Hits(Sequence[Hit]):
    """The hits of one search, best first; `notes` say which filters have left nothing to find."""

    def __init__(self, query: str, hits: Iterable[Hit], notes: Iterable[str] = ()) -> None:
        self.query = query
        self.notes = tuple(notes)
        self._hits = tuple(hits)

    @overload
    def __getitem__(self, at: int) -> Hit: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Hit, ...]: ...
    def __getitem__(self, at: int | slice) -> Hit | tuple[Hit, ...]:
        return self._hits[at]

    def __len__(self) -> int:
        return len(self._hits)

    def __repr__(self) -> str:
        return f"<{len(self)} hits for {self.query!r}>"

    def _repr_html_(self) -> str:
        return f"<p>“{escape(self.query)}”</p>{_table(hit._cells() for hit in self)}"


@dataclass(frozen=True, slots=True)
class Item:
    """What became of one file. `records` counts by modality; `error` is the first of `errors`, if any."""

    path: str
    status: str
    asset_id: str | None = None
    media_type: str | None = None
    duplicate_of: str | None = None
    records: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    stages: list[dict[str, Any]] = field(default_factory=list)
    error: dict[str, Any] | None = None
    errors: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Report:
    """What a run did. `status` is complete, partial, failed or cancelled."""

    run_id: str
    flow: str
    status: str
    seconds: float
    startup_s: float
    prefect_url: str | None
    items: tuple[Item, ...]

    @classmethod
    def of(cls, found: dict[str, Any]) -> Report:
        """Builds the report from an answer of `medley ingest --json`."""
        return cls(**{**found, "items": tuple(Item(**item) for item in found["items"])})

    @property
    def failed(self) -> tuple[Item, ...]:
        """The items that are not complete, unchanged or skipped."""
        return tuple(item for item in self.items if item.status not in ("complete", "unchanged", "skipped"))

    def check(self) -> Report:
        """Returns the report itself where every item is fine. Raises MedleyError that names the other items."""
        if self.failed:
            told = "; ".join(f"{item.path}: {(item.error or {}).get('message', item.status)}" for item in self.failed)
            raise MedleyError(f"{len(self.failed)} of {len(self.items)} items: {told}")
        return self

    def _repr_html_(self) -> str:
        counts = ", ".join(f"{count} {status}" for status, count in Counter(i.status for i in self.items).items())
        return f"<p>{counts} in {self.seconds:.1f} s</p>{_items(self.items)}"


@dataclass(frozen=True, slots=True)
class Status:
    """What is known: totals by status, the newest runs, bytes on disk by what they are for, and every file."""

    totals: dict[str, int]
    runs: list[dict[str, Any]]
    disk: dict[str, int]
    items: list[dict[str, Any]]

    def _repr_html_(self) -> str:
        counts = ", ".join(f"{count} {name}" for name, count in self.totals.items())
        rows = ([escape(item["path"]), item["status"], str(item["updated"])[:19]] for item in self.items)
        return f"<p>{counts}</p>{_table(rows)}"


def _items(items: Iterable[Item]) -> str:
    def rows() -> Iterator[list[str]]:
        for item in items:
            records = ", ".join(f"{count} {modality}" for modality, count in item.records.items())
            yield [escape(item.path), item.status, records, escape((item.error or {}).get("message", ""))]

    return _table(rows())


def _table(rows: Iterable[list[str]]) -> str:
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table>{body}</table>"


def _picture(path: str | None) -> str:
    if not path or not Path(path).is_file():
        return ""
    return f'<img width="160" src="data:image/jpeg;base64,{base64.b64encode(Path(path).read_bytes()).decode()}">'


def _name(path: str | None) -> str:
    return (path or "(file unknown)").rsplit("/", 1)[-1]
