"""Prefect's database in a file, whether or not its server runs.

What shows a file's content (our artifacts, and the events that repeat them) is deleted; its name is masked in rows that
are about other files as well: within JSON, JSON in JSON, and base64 of the pictures that we drew.
"""

from __future__ import annotations

import base64
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from medley.erasure.names import Names
from medley.erasure.sqlite_files import compact, opened
from medley.erasure.subjects import Subjects

#: Keys of artifacts that tasks/_publish.py makes of one asset; of `pictures`, the first one of many has it.
KINDS = ("transcript", "frames", "screens", "figures", "pages", "pictures")
_MANY = "pictures-"
#: Columns that hold text of others. Those of a run are left alone while it goes on: it may still read them.
_TEXTS = {
    "flow_run": ("name", "parameters", "context", "tags", "labels", "job_variables"),
    "flow_run_state": ("message", "data", "state_details"),
    "flow_run_input": ("value",),
    "task_run": ("name", "task_inputs", "tags", "labels"),
    "task_run_state": ("message", "data", "state_details"),
    "log": ("message",),
    "artifact": ("data", "description", "metadata_"),
    "artifact_collection": ("data", "description", "metadata_"),
    "events": ("resource", "related", "payload"),
    "event_resources": ("resource",),
}
_GOING_ON = "flow_run"
_ENDED = "state_type IN ('COMPLETED', 'FAILED', 'CRASHED', 'CANCELLED')"
_DRAWN = re.compile(r"data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)")
_SOME = 500


def clean_prefect(path: Path, subjects: Subjects, names: Names) -> tuple[dict[str, int], bool]:
    """Erases `subjects` and `names` from the Prefect database in the file `path`. Raises sqlite3.Error.

    Returns what was removed, counted by table, and whether the file's own log could be emptied.
    """
    mask = _Mask(names)
    with opened(path) as connection:
        connection.create_function("masked", 1, mask, deterministic=True)
        connection.execute("BEGIN IMMEDIATE")
        removed = _delete_shown(connection, subjects)
        for table, columns in _TEXTS.items():
            known = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
            for column in known.intersection(columns):
                removed[table] += _mask_column(connection, table, column)
        connection.execute("COMMIT")
        return {table: count for table, count in removed.items() if count}, compact(connection)


def _mask_column(connection: sqlite3.Connection, table: str, column: str) -> int:
    wanted = f"AND {_ENDED}" if table == _GOING_ON else ""
    query = f"UPDATE {table} SET {column} = masked({column}) WHERE masked({column}) IS NOT {column} {wanted}"  # noqa: S608
    return connection.execute(query).rowcount


def _delete_shown(connection: sqlite3.Connection, subjects: Subjects) -> Counter[str]:
    removed: Counter[str] = Counter()
    keys = {f"{kind}-{asset_id[:12]}" for kind in KINDS for asset_id in subjects.assets}
    for some in _parts(subjects.flow_runs):
        query = f"SELECT key FROM artifact WHERE key LIKE '{_MANY}%' AND flow_run_id IN ({_marks(some)})"  # noqa: S608
        keys |= {key for (key,) in connection.execute(query, some)}
    for table, kind in (("artifact", "artifact"), ("artifact_collection", "artifact-collection")):
        for some in _parts(keys):
            ours = f"FROM {table} WHERE key IN ({_marks(some)})"
            events = f"FROM events WHERE resource_id IN (SELECT 'prefect.{kind}.' || id {ours})"
            for name, rows in {
                "event_resources": f"FROM event_resources WHERE event_id IN (SELECT id {events})",
                "events": events,
                table: ours,
            }.items():
                removed[name] += connection.execute(f"DELETE {rows}", some).rowcount
    return removed


def _parts(values: set[str]) -> Iterator[list[str]]:
    ordered = sorted(values)
    yield from (ordered[at : at + _SOME] for at in range(0, len(ordered), _SOME))


def _marks(values: list[str]) -> str:
    return ",".join("?" * len(values))


class _Mask:
    """Takes and gives a value of a column."""

    def __init__(self, names: Names) -> None:
        self._names, self._put = names.in_text, "(forgotten)"
        self._hint = names.hint

    def __call__(self, value: Any) -> Any:
        """The value without the names; the same one where it has none."""
        if not isinstance(value, str) or not self._may_hold(value):
            return value
        return self._text(value)

    def _may_hold(self, text: str) -> bool:
        return self._hint is None or bool(self._hint.search(text)) or "svg+xml;base64," in text

    def _text(self, text: str) -> str:
        if text[:1] in ("[", "{", '"'):
            try:
                value = json.loads(text)
            except ValueError:
                pass
            else:
                masked = self._value(value)
                return text if masked == value else json.dumps(masked)
        return self._names.sub(self._put, _DRAWN.sub(self._drawn, text))

    def _value(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, list):
            return [self._value(part) for part in value]
        if isinstance(value, dict):
            return {self._text(key): self._value(part) for key, part in value.items()}
        return value

    def _drawn(self, found: re.Match[str]) -> str:
        inner = self._names.sub(self._put, base64.b64decode(found[1]).decode())
        return f"data:image/svg+xml;base64,{base64.b64encode(inner.encode()).decode()}"
