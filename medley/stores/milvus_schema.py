"""The fields of a Milvus collection, and the way of a record there and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from medley.models.base import ModelSpec
from medley.stems import language_in, stems_in
from medley.stores.base import RecordBatch, ScoredRecord, StoredRecord, record_id
from medley.stores.quiet_pymilvus import DataType, Function, FunctionType, MilvusClient
from medley.types import Row
from medley.words import SILENT, words_in

PROPERTY = "medley.model"  #: Lite drops a collection's description, not its properties
GENERATION = "medley.generation"  #: not of the first one
SPACE = "medley.system.disk"
ROW_FIELDS = [
    *("asset_id", "branch", "modality", "start_ms", "end_ms", "page", "box", "text", "thumbnail", "tags"),
]
_TEXT_BYTES = 65_535
_NONE = -1
_STRINGS = (
    ("asset_id", 64),
    ("branch", 32),
    ("modality", 32),
    ("thumbnail", 512),
    ("model", 32),
    ("fingerprint", 64),
    ("write_id", 64),
)


def schema(dim: int, *, bm25: bool) -> Any:
    """Builds the schema that all branches share.

    `tags` are a row's marks. With `bm25` the words of the text are indexed beside the vectors.
    """
    made = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    made.add_field("id", DataType.VARCHAR, is_primary=True, max_length=64)
    for name, length in _STRINGS:
        made.add_field(name, DataType.VARCHAR, max_length=length)
    for name in ("start_ms", "end_ms", "page"):
        made.add_field(name, DataType.INT64)
    made.add_field("box", DataType.JSON)
    made.add_field("tags", DataType.ARRAY, element_type=DataType.VARCHAR, max_capacity=64, max_length=128)
    made.add_field("vector", DataType.FLOAT_VECTOR, dim=dim)
    analyzer = {"tokenizer": "standard", "filter": ["lowercase", {"type": "stop", "stop_words": list(SILENT)}]}
    made.add_field("text", DataType.VARCHAR, max_length=_TEXT_BYTES)
    if bm25:
        made.add_field(
            "words", DataType.VARCHAR, max_length=_TEXT_BYTES, enable_analyzer=True, analyzer_params=analyzer
        )
        made.add_field("sparse", DataType.SPARSE_FLOAT_VECTOR)
        ranked = {"input_field_names": ["words"], "output_field_names": ["sparse"]}
        made.add_function(Function(name="bm25", function_type=FunctionType.BM25, **ranked))
    return made


def index_params(*, lite: bool, bm25: bool) -> Any:
    """Builds the index parameters of a collection, with exact search on Lite.

    The automatic index of Lite loses nine hits of ten behind a narrow filter (measured).
    """
    made = MilvusClient.prepare_index_params()
    made.add_index("vector", index_type="FLAT" if lite else "AUTOINDEX", metric_type="COSINE")
    if bm25:
        made.add_index("sparse", index_type="SPARSE_INVERTED_INDEX", metric_type="BM25")
    return made


def record(batch: RecordBatch, n: int, model: ModelSpec, *, bm25: bool = False) -> dict[str, Any]:
    """Builds the n-th record of a batch, as a dict of its fields; see `schema`."""
    row = batch.rows[n]
    return {
        "id": record_id(batch, n, model),
        "asset_id": batch.asset_id,
        "branch": batch.branch,
        "modality": row.modality,
        "start_ms": _NONE if row.start_ms is None else row.start_ms,
        "end_ms": _NONE if row.end_ms is None else row.end_ms,
        "page": _NONE if row.page is None else row.page,
        "box": {} if row.box is None else {"edges": list(row.box)},
        "text": cut(row.text),
        **(
            {"words": cut(" ".join([*words_in(row.text), *stems_in(row.text, language_in(row.marks))]))} if bm25 else {}
        ),
        "thumbnail": row.thumbnail,
        "model": model.fingerprint,
        "fingerprint": batch.fingerprint,
        "write_id": batch.write_id,
        "tags": list(row.marks),
        "vector": batch.vectors[n].tolist(),
    }


def cut(text: str) -> str:
    """Cuts a text to the bytes that a field holds."""
    return text.encode()[:_TEXT_BYTES].decode(errors="ignore")


def scored(hit: dict[str, Any]) -> ScoredRecord:
    """Turns a hit of a search into a record. BM25's distances are negative on Lite; the order is right everywhere."""
    entity = hit["entity"]
    return ScoredRecord(hit["id"], entity["asset_id"], entity["branch"], row_of(entity), abs(hit["distance"]))


def stored(entity: dict[str, Any]) -> StoredRecord:
    """Turns a row of a collection, with its vector, into a record as it is stored."""
    vector = np.asarray(entity["vector"], dtype=np.float32)
    told = {name: entity[name] for name in ("asset_id", "branch", "fingerprint", "write_id")}
    return StoredRecord(record_id=entity["id"], row=row_of(entity), vector=vector, **told)


def row_of(entity: dict[str, Any]) -> Row:
    """Turns an entity that `record` made of a row back into the row."""
    box = entity["box"]
    return Row(
        modality=entity["modality"],
        text=entity["text"],
        start_ms=_known(entity["start_ms"]),
        end_ms=_known(entity["end_ms"]),
        page=_known(entity["page"]),
        box=box["edges"] if box else None,
        thumbnail=entity["thumbnail"],
        marks=tuple(entity["tags"]),
    )


def _known(value: int) -> int | None:
    return None if value == _NONE else value
