"""Writes the trained models as the checkpoints that faster-whisper and open_clip read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch
from ctranslate2.converters.transformers import WhisperLoader  # type: ignore[import-untyped,unused-ignore]
from safetensors.torch import save_file

from tests.demo_models.clip_training import MODEL, PREPROCESSING, TrainedClip
from tests.demo_models.tokens import Tokens
from tests.demo_models.whisper_model import TrainedWhisper

_UNUSED = "ÿ"  # stands for a byte that is in no text


def export_whisper(model: TrainedWhisper, tokens: Tokens, directory: Path) -> None:
    """A CTranslate2 folder, int8, with the tokenizer beside it. The helper head stays behind."""
    _emptied(directory)
    loader, whisper = WhisperLoader(), model.whisper.float().cpu()
    spec = loader.get_model_spec(whisper)
    names = tokens.tokenizer.get_vocab(with_added_tokens=True)
    names[""] = names.pop(_UNUSED)  # by this token CTranslate2 knows models of several languages
    spec.register_vocabulary(sorted(names, key=names.__getitem__))
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = []  # OpenAI's models may not begin with the end; ours says nothing to silence
    spec.config.lang_ids = list(tokens.languages.values())
    last = whisper.config.decoder_layers - 1
    spec.config.alignment_heads = [[last, head] for head in range(whisper.config.decoder_attention_heads)]
    spec.validate()
    spec.optimize(quantization="int8")
    spec.save(str(directory))
    tokens.tokenizer.save(str(directory / "tokenizer.json"), pretty=False)


def export_clip(model: TrainedClip, directory: Path) -> None:
    """An open_clip folder (`local-dir:`), fp16. The helper head stays behind."""
    _emptied(directory)
    weights = {name: _halved(value) for name, value in model.clip.cpu().state_dict().items()}
    save_file(weights, directory / "open_clip_model.safetensors")
    config = {"model_cfg": MODEL, "preprocess_cfg": PREPROCESSING}
    (directory / "open_clip_config.json").write_text(json.dumps(config, indent=1) + "\n")


def _emptied(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)


def _halved(value: torch.Tensor) -> torch.Tensor:
    half = value.half() if value.is_floating_point() else value
    return half.contiguous()  # the pictures' weights were channels last
