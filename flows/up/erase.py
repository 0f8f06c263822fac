"""What `medley forget` does, place by place. The catalog comes last: until then the command can be run again."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from flows.services.addresses import running
from flows.services.shared import vector_store
from flows.up.pause import store_paused
from medley.catalog import Catalog
from medley.catalog.engine import catalog_file
from medley.catalog.known import forget_assets, forget_paths, uploads_among
from medley.catalog.tables import runs
from medley.erasure.names import Names
from medley.erasure.prefect_database import clean_prefect
from medley.erasure.receipt import Place, Receipt
from medley.erasure.sqlite_files import compact, opened
from medley.erasure.subjects import Subjects
from medley.erasure.text_files import files_that_name, mask_in_files
from medley.errors import MedleyError, MissingFile
from medley.generations import every_address
from medley.records import retire
from medley.settings import Settings
from medley.sources import urls as objects
from medley.stores.lite_files import erase_rows

#: Prefect's server keeps events in memory for five seconds before it writes them.
_EVENTS_S = 7.0
_OWN_FILES = ("catalog.db", "catalog.db-wal", "catalog.db-shm")

Say = Callable[[str], None]


def erase(subjects: Subjects, names: Names, catalog: Catalog, settings: Settings, say: Say) -> Receipt:
    """Takes assets out of every place and says what was found there. Raises ServiceUnreachable, StoreUnavailable."""
    receipt = Receipt(sorted(subjects.assets), sorted(names.ends))
    receipt.places += [*_from_store(subjects, catalog, settings, say), _from_artifacts(subjects, settings)]
    if names.ends or subjects.assets:
        receipt.places += [*_from_prefect(subjects, names, catalog, settings, say), _from_texts(names, settings)]
    leftovers = _leftovers(subjects, names, settings)
    receipt.places.append(leftovers)
    if receipt.clean:
        receipt.places.append(_from_catalog(subjects, catalog, settings))
    else:
        why = "keeps the names until the other places are clean, so that the command can be run again"
        receipt.places.append(Place(_where_catalog(settings), clean=False, why=why))
    receipt.places += [*_still_there(subjects, catalog, settings), *_elsewhere(subjects, settings)]
    return receipt


def _from_store(subjects: Subjects, catalog: Catalog, settings: Settings, say: Say) -> Iterator[Place]:
    with vector_store(settings) as address:
        artifacts, generations = settings.artifact_store, every_address(address, catalog)
        count = sum(retire(asset_id, artifacts, one) for asset_id in sorted(subjects.assets) for one in generations)
        local, uri = address.lock, address.uri
    if not local:
        yield Place(uri, {"records": count}, why="that server removes deleted rows from its files by itself, later")
        return
    root = settings.home / "milvus"
    with store_paused(settings, say):
        removed = erase_rows(root, subjects.assets) if subjects.assets else {}
    yield Place(str(root), {"records": count, **removed})


def _from_artifacts(subjects: Subjects, settings: Settings) -> Place:
    removed = {"files": 0, "bytes": 0}
    for asset_id in subjects.assets:
        files, size = settings.artifact_store.remove_asset(asset_id)
        removed["files"] += files
        removed["bytes"] += size
    return Place(settings.artifacts_url or str(settings.artifact_root), removed)


def _from_prefect(subjects: Subjects, names: Names, catalog: Catalog, settings: Settings, say: Say) -> Iterator[Place]:
    path = settings.home / "prefect" / "prefect.db"
    if not path.exists():
        return
    if running("prefect", settings):
        _wait_for_events(subjects, catalog, say)
    try:
        removed, emptied = clean_prefect(path, subjects, names)
    except sqlite3.Error as error:
        yield Place(str(path), clean=False, why=f"Prefect's database did not let us: {error}")
        return
    why = "" if emptied else "somebody kept reading: its write-ahead log still holds what was removed"
    yield Place(str(path), removed, clean=emptied, why=why)


def _wait_for_events(subjects: Subjects, catalog: Catalog, say: Say) -> None:
    """What a run has just told Prefect's server arrives in its database a little later."""
    with catalog.engine.connect() as connection:
        query = select(runs.c.ended).where(runs.c.prefect_run_id.in_(subjects.flow_runs), runs.c.ended.is_not(None))
        ends = [datetime.fromisoformat(ended).timestamp() for ended in connection.execute(query).scalars()]
    left = max(ends, default=0.0) + _EVENTS_S - time.time()
    if left > 0:
        say("waiting until Prefect's server has written what the last run told it")
        time.sleep(left)


def _from_texts(names: Names, settings: Settings) -> Place:
    texts = [path for folder in ("runs", "logs", "run") for path in _files(settings.home / folder)]
    return Place(f"reports and logs in {settings.home}", mask_in_files(texts, names))


def _leftovers(subjects: Subjects, names: Names, settings: Settings) -> Place:
    """Looks at every file of ours once more, whatever it is, but the catalog's and the files that were ingested."""
    ours = {str(settings.home / name) for name in _OWN_FILES} | subjects.paths
    pages = settings.home / "prefect" / "ui"
    others = _files(settings.home, leave=(settings.artifact_root, pages))
    found = sorted(map(str, files_that_name((path for path in others if str(path) not in ours), names)))
    why = f"still named in {', '.join(found)}: a run that goes on may have it; run again when it has ended"
    return Place(str(settings.home), clean=not found, why=why if found else "")


def _from_catalog(subjects: Subjects, catalog: Catalog, settings: Settings) -> Place:
    gone = [path for path in subjects.paths if not _is_there(path)]
    count = forget_assets(catalog.engine, subjects.assets)
    count += forget_paths(catalog.engine, subjects.paths)
    count += forget_paths(catalog.engine, gone, uploaded=True)
    file, emptied = catalog_file(settings), True
    if file:
        with opened(file) as connection:
            emptied = compact(connection)
    why = "" if emptied else "somebody kept reading: its write-ahead log still holds what was removed"
    return Place(_where_catalog(settings), {"rows": count}, clean=emptied, why=why)


def _where_catalog(settings: Settings) -> str:
    file = catalog_file(settings)
    return str(file) if file else "the catalog at MEDLEY_CATALOG_URL"


def _still_there(subjects: Subjects, catalog: Catalog, settings: Settings) -> Iterator[Place]:
    """Files in MEDLEY_HOME, and uploads: not ours to delete, and taken anew if they were forgotten."""
    noted = uploads_among(catalog.engine, subjects.paths)
    for path in sorted(subjects.paths):
        if path in noted or (path.startswith(f"{settings.home}/") and _is_there(path)):
            yield Place(path, clean=False, why="the file itself is still there; delete it, and run again")


def _is_there(path: str) -> bool:
    if not objects.is_url(path):
        return os.path.lexists(path)
    try:
        objects.head(path)
    except MissingFile:
        return False
    except MedleyError:
        pass  # it may be
    return True


def _elsewhere(subjects: Subjects, settings: Settings) -> Iterator[Place]:
    """A Prefect server whose database is not ours to open."""
    url = os.environ.get("PREFECT_API_URL")
    if settings.artifacts_url and subjects.assets:
        why = "each removes what it does not need; `medley gc`, run there, removes these at once"
        yield Place("caches of other machines", clean=False, why=why)
    if url and subjects.flow_runs and url != running("prefect", settings):
        why = "its artifacts, events and logs are kept there: ask who runs it, or let its retention take them"
        yield Place(url, clean=False, why=why)


def _files(folder: Path, leave: tuple[Path, ...] = ()) -> Iterator[Path]:
    """All plain files below it."""
    for where, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if Path(where, name) not in leave]
        yield from (path for name in names if (path := Path(where, name)).is_file() and not path.is_symlink())
