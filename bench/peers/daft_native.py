"""Daft's native runner: functions and classes in one streaming engine; each class has one process."""

from __future__ import annotations

import os
import pickle
from typing import Any

os.environ.setdefault("DAFT_PROGRESS_BAR", "0")

import daft
import numpy as np
from daft import DataType, col

from bench.peers import stages
from bench.peers.stages import Row, Store

_BYTES = DataType.binary()


def _packed(values: Any) -> list[bytes]:
    return [pickle.dumps(value) for value in values]


def _unpacked(values: Any) -> list[Any]:
    return [pickle.loads(value) for value in values]  # noqa: S301  # our own


def _split(todo: list[Any], vectors: Any, counts: list[int]) -> list[bytes]:
    parts = np.split(vectors, np.cumsum(counts)[:-1])
    return _packed((asset.asset_id, rows, part) for (asset, rows), part in zip(todo, parts, strict=True))


@daft.func.batch(return_dtype=_BYTES, batch_size=1)
def sound(paths: daft.Series) -> list[bytes]:
    """Of clips."""
    return _packed((asset, stages.extract_audio(asset)) for asset in map(stages.asset_of, paths.to_pylist()))


@daft.func.batch(return_dtype=_BYTES, batch_size=1)
def frames(paths: daft.Series) -> list[bytes]:
    """Of clips."""
    return _packed((asset, *stages.sample_frames(asset)) for asset in map(stages.asset_of, paths.to_pylist()))


@daft.func.batch(return_dtype=_BYTES, batch_size=50)
def copies(paths: daft.Series) -> list[bytes]:
    """JPEGs of pictures."""
    assets = [stages.asset_of(path) for path in paths.to_pylist()]
    jpegs = stages.load_images(assets)
    return _packed((asset, [Row("image", "")], [jpeg]) for asset, jpeg in zip(assets, jpegs, strict=True))


@daft.func.batch(return_dtype=_BYTES, batch_size=1)
def passages(paths: daft.Series) -> list[bytes]:
    """Of documents."""
    return _packed((asset, stages.page_rows(asset)) for asset in map(stages.asset_of, paths.to_pylist()))


@daft.cls(max_concurrency=1)
class Hear:
    """Whisper."""

    def __init__(self) -> None:
        self._model = stages.Speech()

    @daft.method.batch(return_dtype=_BYTES, batch_size=1)
    def run(self, prepared: daft.Series) -> list[bytes]:
        """Rows of what is said."""
        return _packed((asset, self._model(wav)) for asset, wav in _unpacked(prepared.to_pylist()))


@daft.cls(max_concurrency=1)
class Read:
    """The text model."""

    def __init__(self) -> None:
        self._model = stages.Encoder("text")

    @daft.method.batch(return_dtype=_BYTES, batch_size=8)
    def run(self, heard: daft.Series) -> list[bytes]:
        """Vectors of rows."""
        todo = _unpacked(heard.to_pylist())
        vectors = self._model([row.text for _, rows in todo for row in rows])
        return _split(todo, vectors, [len(rows) for _, rows in todo])


@daft.cls(max_concurrency=1)
class See:
    """The vision model."""

    def __init__(self) -> None:
        self._model = stages.Encoder("vision")

    @daft.method.batch(return_dtype=_BYTES, batch_size=64)
    def run(self, sampled: daft.Series) -> list[bytes]:
        """Vectors of pictures."""
        todo = _unpacked(sampled.to_pylist())
        vectors = self._model([jpeg for _, _, jpegs in todo for jpeg in jpegs])
        return _split([(asset, rows) for asset, rows, _ in todo], vectors, [len(jpegs) for _, _, jpegs in todo])


class Daft:
    """A plan for each workload."""

    def __init__(self) -> None:
        self._store = Store()
        daft.set_runner_native()
        self._hear, self._read, self._see = Hear(), Read(), See()

    def video(self, paths: list[str]) -> dict[str, Any]:
        """Both branches are columns."""
        plan = daft.from_pydict({"path": paths}).into_batches(1)
        plan = plan.with_column("frames", frames(col("path"))).with_column("sound", sound(col("path")))
        plan = plan.with_column("heard", self._hear.run(col("sound"))).with_column("seen", self._see.run(col("frames")))
        plan = plan.select("heard", "seen").with_column("speech", self._read.run(col("heard")))
        found = plan.select("speech", "seen").to_pydict()
        return self._store.write(speech=_unpacked(found["speech"]), frames=_unpacked(found["seen"]))

    def image(self, paths: list[str]) -> dict[str, Any]:
        """Fifty at a time to copy, 64 to encode."""
        plan = daft.from_pydict({"path": paths}).into_batches(50).with_column("copy", copies(col("path")))
        plan = plan.select("copy").into_batches(64).with_column("images", self._see.run(col("copy")))
        return self._store.write(images=_unpacked(plan.select("images").to_pydict()["images"]))

    def pdf(self, paths: list[str]) -> dict[str, Any]:
        """One document at a time to parse, eight to encode."""
        plan = daft.from_pydict({"path": paths}).into_batches(1).with_column("parsed", passages(col("path")))
        plan = plan.select("parsed").into_batches(8).with_column("pages", self._read.run(col("parsed")))
        return self._store.write(pages=_unpacked(plan.select("pages").to_pydict()["pages"]))

    def close(self) -> None:
        """Ends the store."""
        self._store.close()


if __name__ == "__main__":
    stages.main(Daft)
