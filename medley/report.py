"""What a command or flow run reports: one entry for every item it was given, written as items end."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from medley.errors import MedleyError
from medley.plain import printable, to_json
from medley.system.disk import retry_while_disk_full
from medley.system.stop import stop_reason

ItemStatus = Literal["complete", "partial", "failed", "unchanged", "skipped", "cancelled", "pending"]
RunStatus = Literal["complete", "partial", "failed", "cancelled"]
_FINE = frozenset({"complete", "unchanged", "skipped", "pending"})  # pending: as the budget wanted it


@dataclass(slots=True)
class StageReport:
    """What this run did in one stage, or found done."""

    name: str
    state: Literal["completed", "cached", "failed", "skipped"]
    started: str
    seconds: float
    attempts: int
    tokens: int = 0  #: of models behind servers


@dataclass(slots=True)
class ItemReport:
    """One entry. `path` is as the user gave it; `error` is the first of `errors`."""

    path: str
    status: ItemStatus
    asset_id: str | None = None
    media_type: str | None = None
    duplicate_of: str | None = None
    records: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    stages: list[StageReport] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  #: what is true of the file and no fault
    attached: list[str] = field(default_factory=list)  #: URLs of files in it, which are items of their own

    def to_dict(self) -> dict[str, Any]:
        """Returns the entry as a dictionary, in the order of the command line contract."""
        known = asdict(self)
        errors = known.pop("errors")
        order = ("path", "asset_id", "media_type", "status", "duplicate_of", "records", "seconds", "stages")
        return {name: known[name] for name in order} | {
            "error": errors[0] if errors else None,
            "errors": errors,
            "notes": self.notes,
            "attached": self.attached,
        }


@dataclass(slots=True)
class RunReport:
    """The whole answer of a command."""

    run_id: str
    flow: str
    status: RunStatus
    seconds: float
    startup_s: float
    prefect_url: str | None
    items: list[dict[str, Any]]
    work: dict[str, float] | None = None  #: `seconds` of stages, and what was `expected`

    def to_dict(self) -> dict[str, Any]:
        """Returns the report as a dictionary, as the command line contract has it."""
        return asdict(self)


def error_entry(error: MedleyError) -> dict[str, Any]:
    """Builds the entry of an error for reports and the catalog: type, stage, and message.

    The message has the reason and the remedy on one line.
    """
    message = printable(" ".join(str(error).split()))
    return {"type": type(error).__name__, "stage": error.stage or "identify", "message": message}


def stop_errors() -> list[dict[str, Any]]:
    """Returns the errors of cancelled items where the run could not go on; nothing where somebody stopped the run."""
    reason = stop_reason()
    return [error_entry(reason)] if reason else []


def run_status(statuses: Iterable[str]) -> RunStatus:
    """Sums up the statuses of a run's items as the status of the run.

    `complete` when every item is fine, `cancelled` when one was, `failed` when none came through, else `partial`.
    """
    counts = Counter(statuses)
    if counts["cancelled"]:
        return "cancelled"
    if all(status in _FINE for status in counts):
        return "complete"
    return "failed" if set(counts) == {"failed"} else "partial"


def exit_code(status: RunStatus) -> int:
    """Returns the exit code of a command that was not interrupted: 0 where the run is complete, else 1."""
    return 0 if status == "complete" else 1


class ReportFile:
    """`runs/<run_id>/report.jsonl`: memory does not grow with the number of items."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.path = directory / "report.jsonl"
        self.counts: Counter[str] = Counter()

    def add(self, item: ItemReport) -> None:
        """Appends one entry and counts it."""
        self.add_entry(item.to_dict())

    def add_entry(self, entry: dict[str, Any]) -> None:
        """Appends an entry of another run's report, and counts the entry."""
        self._append(to_json(entry).encode() + b"\n")
        self.counts[entry["status"]] += 1

    @retry_while_disk_full
    def _append(self, line: bytes) -> None:
        with self.path.open("ab", buffering=0) as file:
            whole, written = file.tell(), 0
            try:
                while written < len(line):
                    written += file.write(line[written:])
            except OSError:
                file.truncate(whole)  # no torn line
                raise

    def items(self) -> Iterator[dict[str, Any]]:
        """Yields all entries of the report so far, one by one."""
        if self.path.exists():
            with self.path.open(encoding="utf-8") as file:
                yield from map(json.loads, file)
