"""Files that have landed in an upload folder or bucket, until a run has taken them and is done with them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, or_, select, update

from medley.catalog.reading import rows, scalars
from medley.catalog.tables import uploads
from medley.catalog.upsert import UPSERT_UPLOAD
from medley.system.disk import retry_while_disk_full
from medley.types import utc_now

#: Pauses before a file is tried again whose run failed for a reason that is not the file's, in seconds.
_AGAIN_S = (5.0, 30.0, 120.0, 600.0)


@dataclass(frozen=True, slots=True)
class Upload:
    """One file: its path or URL, where it landed, and which content it had there."""

    path: str
    source: str
    version: str
    after: str = "keep"
    attempts: int = 0


class Uploads:
    """The catalog's uploads. Safe to use from several threads and processes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def unknown(self, seen: Sequence[Upload]) -> list[Upload]:
        """Returns the files of `seen` (some hundreds at most) that are new, or have changed since they were noted."""
        query = select(uploads.c.path, uploads.c.version).where(uploads.c.path.in_([file.path for file in seen]))
        known = {row.path: row.version for row in rows(self._engine, query)}
        return [file for file in seen if known.get(file.path) != file.version]

    @retry_while_disk_full
    def record(self, landed: Sequence[Upload]) -> None:
        """Records whole files that wait for a run from now on."""
        with self._engine.begin() as connection:
            for file in landed:
                values = {
                    "path": file.path,
                    "source": file.source,
                    "version": file.version,
                    "status": "pending",
                    "after": file.after,
                    "attempts": 0,
                    "due": time.time(),
                    "run_id": None,
                    "noted": utc_now(),
                }
                connection.execute(UPSERT_UPLOAD, values)

    @retry_while_disk_full
    def take(self, run_id: str, limit: int) -> list[Upload]:
        """Takes up to `limit` waiting files, which belong to the run `run_id` from now on."""
        ready = (uploads.c.status == "pending") & or_(uploads.c.due.is_(None), uploads.c.due <= time.time())
        columns = [uploads.c[name] for name in Upload.__slots__]
        with self._engine.begin() as connection:
            first = select(uploads.c.path).where(ready).order_by(uploads.c.noted, uploads.c.path).limit(limit)
            mine = update(uploads).where(uploads.c.path.in_(first), ready)
            changed = mine.values(status="running", run_id=run_id, attempts=uploads.c.attempts + 1)
            taken = connection.execute(changed.returning(*columns)).all()
        return sorted((Upload(*row) for row in taken), key=lambda file: file.path)

    @retry_while_disk_full
    def settle(self, file: Upload, *, done: bool) -> None:
        """Notes that a run is through with `file`, successful (`done`) or not.

        Newer content that landed meanwhile goes on waiting.
        """
        with self._engine.begin() as connection:
            known = update(uploads).where(uploads.c.path == file.path, uploads.c.version == file.version)
            connection.execute(known.values(status="done" if done else "failed", run_id=None))

    @retry_while_disk_full
    def put_back(self, file: Upload, *, by_itself: bool) -> None:
        """Puts `file` back for another run: started for the file after a while (`by_itself`), or for another reason."""
        pause_s = _AGAIN_S[min(file.attempts, len(_AGAIN_S)) - 1]
        with self._engine.begin() as connection:
            known = update(uploads).where(uploads.c.path == file.path, uploads.c.version == file.version)
            due = time.time() + pause_s if by_itself else None
            connection.execute(known.values(status="pending", run_id=None, due=due))

    @retry_while_disk_full
    def wake(self) -> None:
        """Wakes the files that were put back without a time of their own: they want a run now."""
        with self._engine.begin() as connection:
            held = (uploads.c.status == "pending") & uploads.c.due.is_(None)
            connection.execute(update(uploads).where(held).values(due=time.time()))

    def waiting_paths(self, limit: int) -> list[str]:
        """Returns the paths of the first `limit` files that want a run to be started now."""
        due = (uploads.c.status == "pending") & (uploads.c.due <= time.time())
        query = select(uploads.c.path).where(due).order_by(uploads.c.noted, uploads.c.path).limit(limit)
        return scalars(self._engine, query)

    @retry_while_disk_full
    def forget(self, path: str) -> None:
        """Forgets the upload at `path`, whose file Medley itself has moved or deleted."""
        with self._engine.begin() as connection:
            connection.execute(uploads.delete().where(uploads.c.path == path))
