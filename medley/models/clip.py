"""Pictures: OpenCLIP checkpoints (mlfoundations/open_clip), from a directory with an open_clip_config.json."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import open_clip
import torch
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
        self.dim = int(self.encode_texts(["warm up"]).shape[1])

    @torch.inference_mode()
    def encode_images(self, paths: Sequence[Path]) -> Vectors:
        """Encodes JPEGs that Medley made into unit vectors, shape (len(paths), dim); see `ImageEncoder`."""
        if not paths:
            return np.zeros((0, self.dim), np.float32)
        batch = torch.stack([self._preprocess(_read(path)) for path in paths])
        features = self._model.encode_image(batch.to(self._device, self._dtype))
        return unit(features.float().cpu().numpy())

    @torch.inference_mode()
    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Encodes texts into unit vectors of the space of the pictures, shape (len(texts), dim); see `TextEncoder`."""
        if not texts:
            return np.zeros((0, self.dim), np.float32)
        features = self._model.encode_text(self._tokenizer(list(texts)).to(self._device))
        return unit(features.float().cpu().numpy())


def _read(path: Path) -> Image.Image:
    with Image.open(path, formats=["JPEG"]) as image:
        return image.convert("RGB")


def load(spec: ModelSpec, *, threads: int) -> OpenClip:
    """Loads the OpenCLIP model of a specification, and warms the model up."""
    return OpenClip(spec, threads)
