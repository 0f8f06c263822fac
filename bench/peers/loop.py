"""A loop in one process, models loaded once: what an engineer writes first."""

from __future__ import annotations

from typing import Any

from bench.peers import stages
from bench.peers.stages import Row, Store, model


class Loop:
    """Everything one after the other."""

    def __init__(self) -> None:
        self._store = Store()

    def video(self, paths: list[str]) -> dict[str, Any]:
        """Speech and frames of each clip."""
        said, seen = [], []
        for path in paths:
            asset = stages.asset_of(path)
            rows = model("speech")(stages.extract_audio(asset))
            said.append((asset.asset_id, rows, model("text")([row.text for row in rows])))
            rows, jpegs = stages.sample_frames(asset)
            seen.append((asset.asset_id, rows, model("vision")(jpegs)))
        return self._store.write(speech=said, frames=seen)

    def image(self, paths: list[str]) -> dict[str, Any]:
        """A hundred pictures at a time."""
        found = []
        for at in range(0, len(paths), 100):
            assets = [stages.asset_of(path) for path in paths[at : at + 100]]
            vectors = model("vision")(stages.load_images(assets))
            found += [(asset.asset_id, [Row("image", "")], v[None]) for asset, v in zip(assets, vectors, strict=True)]
        return self._store.write(images=found)

    def pdf(self, paths: list[str]) -> dict[str, Any]:
        """Passages of each document."""
        found = []
        for path in paths:
            asset = stages.asset_of(path)
            rows = stages.page_rows(asset)
            found.append((asset.asset_id, rows, model("text")([row.text for row in rows])))
        return self._store.write(pages=found)

    def close(self) -> None:
        """Ends the store."""
        self._store.close()


if __name__ == "__main__":
    stages.main(Loop)
