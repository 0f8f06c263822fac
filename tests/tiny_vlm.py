"""A vision-language checkpoint of BLIP's shape with a few random weights: what it says means nothing, its files do."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import BertTokenizerFast, BlipConfig, BlipForConditionalGeneration, BlipImageProcessor, BlipProcessor

_WORDS = ["a", "red", "blue", "green", "circle", "square", "on", "white", "paper", "cat", "house", "tree"]


def tiny_vlm(directory: Path) -> Path:
    """Writes the checkpoint."""
    torch.manual_seed(5)
    directory.mkdir()
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]", *_WORDS]
    (directory / "vocab.txt").write_text("\n".join(vocabulary))
    tokenizer = BertTokenizerFast(str(directory / "vocab.txt"))
    layers = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    ids = {"bos_token_id": 5, "eos_token_id": 3, "sep_token_id": 3, "pad_token_id": 0}
    text = {**layers, **ids, "vocab_size": len(vocabulary), "encoder_hidden_size": 32, "projection_dim": 16}
    vision = {**layers, "image_size": 32, "patch_size": 16, "projection_dim": 16}
    model = BlipForConditionalGeneration(BlipConfig(text_config=text, vision_config=vision, projection_dim=16))
    model.save_pretrained(directory)
    BlipProcessor(BlipImageProcessor(size={"height": 32, "width": 32}), tokenizer).save_pretrained(directory)
    return directory
