"""Records as files for other programs, and back: vectors, text, locators and where all of it comes from."""

from __future__ import annotations

import json
import uuid
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import numpy as np

from medley.artifacts import ArtifactStore
from medley.catalog import Catalog
from medley.catalog.lookup import Location
from medley.errors import SetupError
from medley.models.base import ModelSpec, spec_from_json
from medley.records import load_vectors, save_vectors, store_slot
from medley.run import StoreAddress
from medley.stores.base import RecordBatch, VectorStore, record_id
from medley.stores.connect import open_store
from medley.types import MediaInfo, Row
from medley.upkeep import vectors_key

Format = Literal["parquet", "jsonl", "lance"]
FORMATS: tuple[Format, ...] = ("parquet", "jsonl", "lance")
_ROWS = 5_000  #: of one group of rows in a file
_IMPORTED = "imported"
_SCHEMA = 1  #: of the columns below

Record = dict[str, Any]


@dataclass(slots=True)
class Written:
    """How much was written: files, assets and records."""

    files: list[Path]
    assets: int = 0
    records: int = 0


def records_of(artifacts: ArtifactStore, store_key: str, catalog: Catalog) -> Iterator[list[Record]]:
    """Yields the records of each branch of each asset, as they stand in the store, from what is kept of them."""
    slot = store_slot(store_key)
    for asset_id in artifacts.assets():
        path = catalog.newest_locations([asset_id]).get(asset_id)
        media = catalog.media(asset_id)
        for stage in artifacts.stages(asset_id, slot):
            manifest = artifacts.find(asset_id, stage, slot)
            key = vectors_key(manifest) if manifest else None
            if manifest is None or key is None or artifacts.find(*key) is None:
                continue
            with artifacts.hold([key]) as [source]:
                rows, vectors = load_vectors(source)
            data, model = manifest.data, spec_from_json(manifest.data["model"])
            batch = RecordBatch(asset_id, data["branch"], data["fingerprint"], data["write_id"], rows, vectors)
            facts = {"path": path, "media_type": media.media_type if media else None, "space": data["space"]}
            facts |= {"model": data["model"], "run_id": manifest.run_id, "created": manifest.created}
            yield [_record(batch, n, model, facts) for n in range(len(rows))]


def _record(batch: RecordBatch, n: int, model: ModelSpec, facts: Record) -> Record:
    row = batch.rows[n]
    return {
        "schema": _SCHEMA,
        "record_id": record_id(batch, n, model),
        "asset_id": batch.asset_id,
        **facts,
        "fingerprint": batch.fingerprint,
        "branch": batch.branch,
        "modality": row.modality,
        "text": row.text,
        "start_ms": row.start_ms,
        "end_ms": row.end_ms,
        "page": row.page,
        "box": list(row.box) if row.box else None,
        "marks": list(row.marks),
        "vector": batch.vectors[n],
    }


def export_records(found: Iterable[list[Record]], directory: Path, form: Format) -> Written:
    """Writes a file for each space and model into `directory`. Raises SetupError where one is there already."""
    directory.mkdir(parents=True, exist_ok=True)
    writers: dict[str, Any] = {}
    done = Written([])
    assets: set[str] = set()
    try:
        for records in found:
            if not records:
                continue
            name = f"records-{records[0]['space']}-{spec_from_json(records[0]['model']).fingerprint[:8]}"
            if name not in writers:
                target = directory / f"{name}.{form}"
                if target.exists():
                    raise SetupError(f"{target} is there already", remedy="Give another directory")
                writers[name] = _WRITERS[form](target)
                done.files.append(target)
            writers[name].add(records)
            assets.add(records[0]["asset_id"])
            done.records += len(records)
    finally:
        for writer in writers.values():
            writer.close()
    done.assets = len(assets)
    return done


class _Lines:
    def __init__(self, target: Path) -> None:
        self._file = target.open("w", encoding="utf-8")

    def add(self, records: Sequence[Record]) -> None:
        for record in records:
            self._file.write(json.dumps({**record, "vector": record["vector"].tolist()}, ensure_ascii=False) + "\n")

    def close(self) -> None:
        self._file.close()


class _Columns(ABC):
    """Rows gathered to tables of Arrow."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._waiting: list[Record] = []

    def add(self, records: Sequence[Record]) -> None:
        self._waiting += records
        while len(self._waiting) >= _ROWS:
            self._write(_table(self._waiting[:_ROWS]))
            self._waiting = self._waiting[_ROWS:]

    def close(self) -> None:
        if self._waiting:
            self._write(_table(self._waiting))

    @abstractmethod
    def _write(self, table: Any) -> None:
        """Writes a table to the file."""


class _Parquet(_Columns):
    _writer: Any = None

    def _write(self, table: Any) -> None:
        import pyarrow.parquet as pq

        self._writer = self._writer or pq.ParquetWriter(self._target, table.schema)
        self._writer.write_table(table)

    def close(self) -> None:
        super().close()
        if self._writer:
            self._writer.close()


class _Lance(_Columns):
    _opened: Any = None

    def __init__(self, target: Path) -> None:
        super().__init__(target)
        _lancedb()

    def _write(self, table: Any) -> None:
        if self._opened is None:
            self._opened = _lancedb().connect(str(self._target.parent)).create_table(self._target.stem, table)
        else:
            self._opened.add(table)


_WRITERS: dict[Format, Any] = {"parquet": _Parquet, "jsonl": _Lines, "lance": _Lance}


def _lancedb() -> Any:
    try:
        import lancedb
    except ImportError:
        raise SetupError("lance files need the package lancedb", remedy="pip install medley-media[lance]") from None
    return lancedb


def _table(records: Sequence[Record]) -> Any:
    import pyarrow as pa

    fields = [pa.field("schema", pa.int32())]
    strings = ("record_id", "asset_id", "path", "media_type", "space", "model", "run_id", "created", "fingerprint")
    fields += [pa.field(name, pa.string()) for name in (*strings, "branch", "modality", "text")]
    fields += [pa.field("start_ms", pa.int64()), pa.field("end_ms", pa.int64()), pa.field("page", pa.int32())]
    fields += [pa.field("box", pa.list_(pa.float64())), pa.field("marks", pa.list_(pa.string()))]
    fields += [pa.field("vector", pa.list_(pa.float32(), len(records[0]["vector"])))]
    return pa.Table.from_pylist(
        [{**record, "vector": record["vector"].tolist()} for record in records], pa.schema(fields)
    )


def read_records(file: Path) -> Iterator[Record]:
    """Reads the records of a file that `export_records` has written. Raises SetupError where it is none."""
    try:
        if file.suffix == ".jsonl":
            with file.open(encoding="utf-8") as lines:
                yield from map(json.loads, lines)
        elif file.suffix == ".parquet":
            import pyarrow.parquet as pq

            for batch in pq.ParquetFile(file).iter_batches(_ROWS):
                yield from batch.to_pylist()
        elif file.suffix == ".lance":
            yield from _lancedb().connect(str(file.parent)).open_table(file.stem).to_arrow().to_pylist()
        else:
            raise SetupError(f"{file} is no file of records", remedy="Give .parquet, .jsonl or .lance files")
    except (OSError, ValueError) as error:
        raise SetupError(f"{file} cannot be read: {error}", remedy="Give what medley export has written") from None


def import_records(
    files: Sequence[Path],
    artifacts: ArtifactStore,
    address: StoreAddress,
    catalog: Catalog,
    run_id: str,
    claim: Callable[[str], bool],
) -> Written:
    """Makes records searchable here that another index has exported; assets and paths come with them.

    Pictures do not: thumbnails of imported hits are empty. Raises SetupError, StoreUnavailable.
    """
    done, counts = Written(list(files)), dict[str, Counter[str]]()
    store = open_store(address)
    try:
        for file in files:
            for (asset_id, branch), some in groupby(read_records(file), key=_owner):
                records = list(some)
                if claim(asset_id):
                    _note_path(records[0], catalog)
                    _import_branch(records, branch, artifacts, store, address.key, run_id)
                    counts.setdefault(asset_id, Counter()).update(record["modality"] for record in records)
                    done.records += len(records)
    finally:
        store.close()
    ended = {asset_id: ("complete", list[dict[str, Any]](), dict(known)) for asset_id, known in counts.items()}
    catalog.record_outcomes(ended, _IMPORTED, "", run_id)
    done.assets = len(counts)
    return done


def _owner(record: Record) -> tuple[str, str]:
    return record["asset_id"], record["branch"]


def _note_path(record: Record, catalog: Catalog) -> None:
    if record["path"] and catalog.location(record["path"]) is None:
        media = MediaInfo("", record["media_type"]) if record["media_type"] else None
        catalog.upsert_location(Location(record["path"], record["asset_id"], None, None, None), media)


def _import_branch(
    records: list[Record], branch: str, artifacts: ArtifactStore, store: VectorStore, store_key: str, run_id: str
) -> None:
    first, model = records[0], spec_from_json(records[0]["model"])
    asset_id, fingerprint = first["asset_id"], first["fingerprint"]
    names = ("modality", "text", "start_ms", "end_ms", "page", "box")
    rows = [  # files of earlier versions have no marks
        Row(**{name: record[name] for name in names}, marks=record.get("marks") or ()) for record in records
    ]
    vectors = np.asarray([record["vector"] for record in records], dtype=np.float32)
    stage = f"{_IMPORTED}_{branch}"
    with artifacts.create(asset_id, stage, fingerprint, run_id) as draft:
        save_vectors(draft.directory, rows, vectors)
    batch = RecordBatch(asset_id, branch, fingerprint, uuid.uuid4().hex, rows, vectors)
    made = store.write(first["space"], model, [batch])
    with artifacts.create(asset_id, f"write_{branch}", store_slot(store_key), run_id) as draft:
        draft.data.update(
            fingerprint=fingerprint,
            write_id=batch.write_id,
            branch=branch,
            space=first["space"],
            collections=made,
            records=dict(Counter(row.modality for row in rows)),
            model=first["model"],
            vectors=f"{asset_id[:2]}/{asset_id}/{stage}/{fingerprint}",
        )
