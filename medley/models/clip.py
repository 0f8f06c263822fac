"""Pictures: OpenCLIP checkpoints (mlfoundations/open_clip), from a directory with an open_clip_config.json."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from PIL import Image

from medley.models.base import ModelSpec, Vectors, pick_device, unit
from medley.models.locate import locate


class OpenClip:
    """An `ImageEncoder`. The whole picture is seen (`resize_mode`), not the centre crop of the usual preprocessing."""

    def __init__(self, spec: ModelSpec, threads: int) -> None:
        torch.set_num_threads(threads)
        self._device = pick_device(spec, cuda_devices=torch.cuda.device_count())
        source = f"local-dir:{locate(spec)}"
        self._model, _, self._preprocess = open_clip.create_model_and_transforms(
            source,
            precision="fp16" if spec.compute_type == "float16" else "fp32",
            device=self._device,
            image_resize_mode=spec.resize_mode,
        )
        self._model.eval()
        self._tokenizer = open_clip.get_tokenizer(source)
        self._dtype = torch.float16 if spec.compute_type == "float16" else torch.float32
        known = open_clip.get_model_preprocess_cfg(self._model)
        self._mean, self._std = (torch.tensor(known[name]).view(-1, 1, 1) for name in ("mean", "std"))
        self.facts = _facts(spec, known)
        self.dim = int(self.encode_texts(["warm up"]).shape[1])

    @torch.inference_mode()
    def encode_images(self, paths: Sequence[Path]) -> Vectors:
        """Encodes JPEGs that Medley made into unit vectors, shape (len(paths), dim); see `ImageEncoder`."""
        if not paths:
            return np.zeros((0, self.dim), np.float32)
        return self._encoded(torch.stack([self._preprocess(_read(path)) for path in paths]))

    @torch.inference_mode()
    def encode_squares(self, squares: NDArray[np.uint8]) -> Vectors:
        """Encodes what `medley.models.squares` made of pictures: the same vectors as those of `encode_images`."""
        batch = torch.from_numpy(squares.copy()).permute(0, 3, 1, 2).contiguous().to(torch.float32).div(255)
        return self._encoded(batch.sub_(self._mean).div_(self._std))

    def _encoded(self, batch: torch.Tensor) -> Vectors:
        features = self._model.encode_image(batch.to(self._device, self._dtype))
        return unit(features.float().cpu().numpy())

    @torch.inference_mode()
    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Encodes texts into unit vectors of the space of the pictures, shape (len(texts), dim); see `TextEncoder`."""
        if not texts:
            return np.zeros((0, self.dim), np.float32)
        features = self._model.encode_text(self._tokenizer(list(texts)).to(self._device))
        return unit(features.float().cpu().numpy())


def _facts(spec: ModelSpec, known: dict[str, Any]) -> dict[str, Any]:
    """What a pool wants to know; see `actors.replica.Facts`."""
    facts: dict[str, Any] = {"divisible": ("encode_images", "encode_texts", "encode_squares")}
    size = known["size"] if isinstance(known["size"], int) else known["size"][0]
    plain = known["size"] in (size, (size, size), [size, size]) and known["interpolation"] == "bicubic"
    if spec.resize_mode == "squash" and plain and known["mode"] == "RGB":
        facts["prepared"] = {"encode_images": ("encode_squares", "medley.models.squares:squashed", {"size": size})}
    return facts


def _read(path: Path) -> Image.Image:
    with Image.open(path, formats=["JPEG"]) as image:
        return image.convert("RGB")


def load(spec: ModelSpec, *, threads: int) -> OpenClip:
    """Loads the OpenCLIP model of a specification, and warms the model up."""
    return OpenClip(spec, threads)
