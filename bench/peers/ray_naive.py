"""Plain Ray as tutorials write it: one task for each file, which loads the models that it needs."""

from __future__ import annotations

from typing import Any

import ray

from bench.peers import stages
from bench.peers.ray_actors import RayActors
from bench.peers.stages import Row, Written


@ray.remote(num_cpus=1)
def whole_clip(path: str) -> tuple[Written, Written]:
    """Everything of a clip."""
    asset = stages.asset_of(path)
    rows = stages.Speech()(stages.extract_audio(asset))
    said = (asset.asset_id, rows, stages.Encoder("text")([row.text for row in rows]))
    rows, jpegs = stages.sample_frames(asset)
    return said, (asset.asset_id, rows, stages.Encoder("vision")(jpegs))


@ray.remote(num_cpus=1)
def some_pictures(paths: list[str]) -> list[Written]:
    """Everything of some pictures."""
    assets = [stages.asset_of(path) for path in paths]
    vectors = stages.Encoder("vision")(stages.load_images(assets))
    return [(asset.asset_id, [Row("image", "")], vector[None]) for asset, vector in zip(assets, vectors, strict=True)]


@ray.remote(num_cpus=1)
def whole_document(path: str) -> Written:
    """Everything of a document."""
    asset = stages.asset_of(path)
    rows = stages.page_rows(asset)
    return asset.asset_id, rows, stages.Encoder("text")([row.text for row in rows])


class RayNaive(RayActors):
    """The same cluster without actors."""

    def video(self, paths: list[str]) -> dict[str, Any]:
        """A task for each clip."""
        found = ray.get([whole_clip.remote(path) for path in paths])
        return self._store.write(speech=[said for said, _ in found], frames=[seen for _, seen in found])

    def image(self, paths: list[str]) -> dict[str, Any]:
        """Fifty in a task."""
        found = ray.get([some_pictures.remote(paths[at : at + 50]) for at in range(0, len(paths), 50)])
        return self._store.write(images=[item for some in found for item in some])

    def pdf(self, paths: list[str]) -> dict[str, Any]:
        """A task for each document."""
        return self._store.write(pages=ray.get([whole_document.remote(path) for path in paths]))


if __name__ == "__main__":
    stages.main(RayNaive)
