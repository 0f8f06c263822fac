"""Ray Data: one plan for each workload, one actor for each model, fractions of CPUs so that all of it fits."""

from __future__ import annotations

import logging
import pickle
from typing import Any

import numpy as np
import ray
import ray.data

from bench.peers import stages
from bench.peers.stages import Row, Store

_ACTOR: dict[str, Any] = {"concurrency": 1, "num_cpus": 0.2}


def _objects(values: list[Any]) -> Any:
    return np.array([pickle.dumps(value) for value in values], dtype=object)


def clip(row: dict[str, Any]) -> dict[str, Any]:
    """Sound and frames."""
    asset = stages.asset_of(row["path"])
    found = pickle.dumps(stages.sample_frames(asset))
    return {"asset": asset.asset_id, "wav": stages.extract_audio(asset), "frames": found}


def document(row: dict[str, Any]) -> dict[str, Any]:
    """Passages."""
    asset = stages.asset_of(row["path"])
    return {"asset": asset.asset_id, "rows": pickle.dumps(stages.page_rows(asset))}


def copies(batch: dict[str, Any]) -> dict[str, Any]:
    """JPEGs."""
    assets = [stages.asset_of(str(path)) for path in batch["path"]]
    return {
        "asset": np.array([asset.asset_id for asset in assets]),
        "jpeg": np.array([*map(str, stages.load_images(assets))]),
    }


class Hear:
    """Whisper."""

    def __init__(self) -> None:
        self._model = stages.Speech()

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Rows of what is said."""
        batch["rows"] = _objects([self._model(str(wav)) for wav in batch.pop("wav")])
        return batch


class Read:
    """The text model."""

    def __init__(self) -> None:
        self._model = stages.Encoder("text")

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Vectors of rows."""
        rows = [pickle.loads(some) for some in batch["rows"]]  # noqa: S301  # our own
        vectors = self._model([row.text for some in rows for row in some])
        parts = np.split(vectors, np.cumsum([len(some) for some in rows])[:-1])
        batch["rows"] = _objects(list(zip(rows, parts, strict=True)))
        return batch


class See:
    """The vision model, for frames."""

    def __init__(self) -> None:
        self._model = stages.Encoder("vision")

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Vectors of frames."""
        rows, jpegs = zip(*[pickle.loads(some) for some in batch["frames"]], strict=True)  # noqa: S301  # our own
        vectors = self._model([jpeg for some in jpegs for jpeg in some])
        parts = np.split(vectors, np.cumsum([len(some) for some in rows])[:-1])
        batch["frames"] = _objects(list(zip(rows, parts, strict=True)))
        return batch


class SeeImages:
    """The vision model, for pictures."""

    def __init__(self) -> None:
        self._model = stages.Encoder("vision")

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Vectors of pictures."""
        batch["vector"] = self._model([stages.Path(str(path)) for path in batch.pop("jpeg")])
        return batch


class RayData:
    """One cluster; each plan starts actors of its own."""

    def __init__(self) -> None:
        self._store = Store()
        quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False, "include_dashboard": False}
        ray.init(address="local", num_cpus=2, object_store_memory=400 << 20, **quiet)
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.execution_options.preserve_order = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)

    @staticmethod
    def _source(paths: list[str], blocks: int) -> Any:
        return ray.data.from_items([{"path": path} for path in paths], override_num_blocks=max(1, blocks))

    def video(self, paths: list[str]) -> dict[str, Any]:
        """One linear plan: Ray Data has no branches."""
        plan = self._source(paths, len(paths)).map(clip, num_cpus=0.7).map_batches(Hear, batch_size=1, **_ACTOR)
        found = plan.map_batches(Read, batch_size=4, **_ACTOR).map_batches(See, batch_size=4, **_ACTOR).take_all()
        parts = {name: [(one["asset"], *pickle.loads(one[name])) for one in found] for name in ("rows", "frames")}  # noqa: S301
        return self._store.write(speech=parts["rows"], frames=parts["frames"])

    def image(self, paths: list[str]) -> dict[str, Any]:
        """Fifty at a time to copy, 64 to encode."""
        plan = self._source(paths, len(paths) // 50).map_batches(copies, batch_size=50, num_cpus=0.9)
        found = plan.map_batches(SeeImages, batch_size=64, **_ACTOR).take_all()
        return self._store.write(
            images=[(one["asset"], [Row("image", "")], np.asarray(one["vector"])[None]) for one in found]
        )

    def pdf(self, paths: list[str]) -> dict[str, Any]:
        """Four documents in a block."""
        plan = self._source(paths, len(paths) // 4).map(document, num_cpus=0.9)
        found = plan.map_batches(Read, batch_size=8, **_ACTOR).take_all()
        return self._store.write(pages=[(one["asset"], *pickle.loads(one["rows"])) for one in found])  # noqa: S301

    def close(self) -> None:
        """Ends cluster and store."""
        ray.shutdown()
        self._store.close()


if __name__ == "__main__":
    stages.main(RayData)
