"""Plain Ray as somebody who knows it writes it: resident actors, references handed on, all submitted at once."""

from __future__ import annotations

import logging
from typing import Any

import ray

from bench.peers import stages
from bench.peers.stages import Row, Store


@ray.remote(num_cpus=1)
def sound(path: str) -> Any:
    """Of a clip."""
    asset = stages.asset_of(path)
    return asset, stages.extract_audio(asset)


@ray.remote(num_cpus=1)
def frames(path: str) -> Any:
    """Of a clip."""
    asset = stages.asset_of(path)
    return asset, *stages.sample_frames(asset)


@ray.remote(num_cpus=1)
def pictures(paths: list[str]) -> Any:
    """Copies of some pictures."""
    assets = [stages.asset_of(path) for path in paths]
    return assets, stages.load_images(assets)


@ray.remote(num_cpus=1)
def passages(path: str) -> Any:
    """Of a document."""
    asset = stages.asset_of(path)
    return asset, stages.page_rows(asset)


@ray.remote(num_cpus=0)
class Speech:
    """Whisper."""

    def __init__(self) -> None:
        self._model = stages.Speech()

    def run(self, prepared: Any) -> Any:
        """Rows of what is said."""
        asset, wav = prepared
        return asset, self._model(wav)


@ray.remote(num_cpus=0)
class Encoder:
    """The text or the vision model."""

    def __init__(self, kind: str) -> None:
        self._model = stages.Encoder(kind)

    def texts(self, prepared: Any) -> Any:
        """Vectors of rows."""
        asset, rows = prepared
        return asset.asset_id, rows, self._model([row.text for row in rows])

    def frames(self, prepared: Any) -> Any:
        """Vectors of a clip's frames."""
        asset, rows, jpegs = prepared
        return asset.asset_id, rows, self._model(jpegs)

    def images(self, prepared: Any) -> Any:
        """Vectors of pictures."""
        assets, jpegs = prepared
        found = self._model(jpegs)
        return [(asset.asset_id, [Row("image", "")], vector[None]) for asset, vector in zip(assets, found, strict=True)]


class RayActors:
    """One cluster, one actor for each model."""

    def __init__(self) -> None:
        self._store = Store()
        quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False, "include_dashboard": False}
        ray.init(address="local", num_cpus=2, object_store_memory=200 << 20, **quiet)
        self._actors: dict[str, Any] = {}

    def _actor(self, kind: str) -> Any:
        if kind not in self._actors:
            self._actors[kind] = Speech.remote() if kind == "speech" else Encoder.remote(kind)  # type: ignore[attr-defined]
        return self._actors[kind]

    def video(self, paths: list[str]) -> dict[str, Any]:
        """Both branches of all clips at once."""
        speech, text, vision = (self._actor(kind) for kind in ("speech", "text", "vision"))
        said = [text.texts.remote(speech.run.remote(sound.remote(path))) for path in paths]
        seen = [vision.frames.remote(frames.remote(path)) for path in paths]
        return self._store.write(speech=ray.get(said), frames=ray.get(seen))

    def image(self, paths: list[str]) -> dict[str, Any]:
        """Fifty at a time."""
        vision = self._actor("vision")
        found = [vision.images.remote(pictures.remote(paths[at : at + 50])) for at in range(0, len(paths), 50)]
        return self._store.write(images=[item for some in ray.get(found) for item in some])

    def pdf(self, paths: list[str]) -> dict[str, Any]:
        """All documents at once."""
        text = self._actor("text")
        return self._store.write(pages=ray.get([text.texts.remote(passages.remote(path)) for path in paths]))

    def close(self) -> None:
        """Ends cluster and store."""
        ray.shutdown()
        self._store.close()


if __name__ == "__main__":
    stages.main(RayActors)
