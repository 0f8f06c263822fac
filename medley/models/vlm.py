"""Captions on this machine: vision-language checkpoints of Hugging Face's transformers, from their directory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

from medley.errors import BadInput
from medley.models.base import ModelSpec, Shown, asked_of, pick_device
from medley.models.endpoint import plain
from medley.models.locate import locate
from medley.system.stop import raise_if_stopped


class VisionLanguageModel:
    """A `CaptionModel`. One picture at a time: prompts and pictures of unlike sizes make unlike lengths."""

    def __init__(self, spec: ModelSpec, threads: int) -> None:
        torch.set_num_threads(threads)
        self._device = pick_device(spec, cuda_devices=torch.cuda.device_count())
        self._dtype = torch.float16 if spec.compute_type == "float16" else torch.float32
        where: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        processors: Any = AutoProcessor  # their types are wrong
        models: Any = AutoModelForImageTextToText
        directory = str(locate(spec))
        self._processor = processors.from_pretrained(directory, **where)
        self._model = models.from_pretrained(directory, dtype=self._dtype, **where)
        self._model.to(self._device).eval()

    @torch.inference_mode()
    def describe(self, shown: Sequence[Shown], prompt: str, max_tokens: int) -> list[str | BadInput]:
        """Describes each JPEG in the model's words, one picture at a time; see `CaptionModel`."""
        return [self._describe(*asked_of(one, prompt), max_tokens) for one in shown]

    def _describe(self, path: Path, prompt: str, max_tokens: int) -> str:
        raise_if_stopped()
        with Image.open(path, formats=["JPEG"]) as image:
            inputs = self._inputs(image.convert("RGB"), prompt).to(self._device, self._dtype)
        made = self._model.generate(**inputs, max_new_tokens=max_tokens, do_sample=False)
        asked = inputs["input_ids"].shape[1] if self._chats else 0
        return plain(self._processor.batch_decode(made[:, asked:], skip_special_tokens=True)[0])

    @property
    def _chats(self) -> bool:
        """Models that follow a prompt have a template for it; the others caption whatever they are shown."""
        return bool(getattr(self._processor, "chat_template", None))

    def _inputs(self, image: Image.Image, prompt: str) -> Any:
        if not self._chats:
            return self._processor(images=image, return_tensors="pt")
        content = [{"type": "image", "image": image}, {"type": "text", "text": prompt}]
        return self._processor.apply_chat_template(
            [{"role": "user", "content": content}],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
        )


def load(spec: ModelSpec, *, threads: int) -> VisionLanguageModel:
    """Loads the vision-language model of a specification."""
    return VisionLanguageModel(spec, threads)
