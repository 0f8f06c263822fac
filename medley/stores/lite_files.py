"""Milvus Lite's files while its server does not run: rows that were deleted leave them.

Its server marks a deleted row and keeps it until some later merge of segments; `compact` does nothing (Lite 3.2).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from medley.errors import StoreUnavailable


def erase_rows(root: Path, assets: Collection[str]) -> dict[str, int]:
    """Writes each segment that holds rows of those assets anew without them; counts segments and rows.

    Raises StoreUnavailable where the store runs, or was killed before it wrote what it had taken.
    """
    wanted, counts = pa.array(sorted(assets)), []
    with _store_locked(root):
        for left in root.glob("collections/*/wal/*.arrow"):
            if left.stat().st_size:
                raise StoreUnavailable(f"{left} is not written to its segments", remedy="Run the command again")
        for path in sorted(root.glob("collections/*/partitions/*/data/data_*.parquet")):
            if "asset_id" not in pq.read_schema(path).names:
                continue  # somebody else's collection
            owners = pq.read_table(path, columns=["asset_id"]).column("asset_id")
            mine = pc.is_in(owners, value_set=wanted)
            if count := pc.sum(mine).as_py() or 0:
                _rewrite(path, pq.read_table(path).filter(pc.invert(mine)))
                counts.append(count)
    return {"segments": len(counts), "rows": sum(counts)} if counts else {}


def drop_torn_indexes(root: Path) -> int:
    """Removes indexes that a killed server has left half written, and returns how many; they are made again.

    Lite 3.2 writes them in place, and would answer each request for their collection with an error ever after. Leaves
    everything as it is where a server runs.
    """
    if not root.is_dir():
        return 0
    with contextlib.suppress(StoreUnavailable), _store_locked(root):
        torn = [path for path in root.glob("collections/*/partitions/*/indexes/*.flat.idx") if not _is_whole(path)]
        for path in torn:
            path.unlink()
        return len(torn)
    return 0


def _is_whole(index: Path) -> bool:
    """Whether all vectors are there that its head promises (numpy's format)."""
    try:
        np.load(index, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError):
        return False
    return True


def _rewrite(path: Path, kept: pa.Table) -> None:
    for index in (path.parent.parent / "indexes").glob(f"{path.stem}.*"):
        index.unlink()  # rows change their places; the index is made again when the collection is loaded
    draft = path.with_suffix(".new")
    pq.write_table(kept, draft)
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(path)


@contextlib.contextmanager
def _store_locked(root: Path) -> Iterator[None]:
    with (root / "LOCK").open("a") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreUnavailable("the store runs", remedy="Run the command again when it has ended") from None
        yield
