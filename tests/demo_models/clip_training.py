"""Trains the demo CLIP: a small CNN and a small text tower, with a helper loss that names what is in the picture."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import open_clip
import torch
from torch import nn
from torch.nn import functional

from tests.demo_models.pictures import PictureBatches, Pictures
from tests.demo_models.training import Phase, Recipe, Trainer, loaded, mixed_precision
from tests.world.scenes import Figure, Scene
from tests.world.sentences import COLOURS, SHAPES

PHASES = (Phase(1600, 1e-3, 5e-4), Phase(900, 5e-4, 1e-5))
# A ViT of this size does not learn the shapes in the same time (docs/demo-models.md).
MODEL: dict[str, Any] = {
    "embed_dim": 128,
    "vision_cfg": {"image_size": 128, "layers": [1, 1, 1, 1], "width": 16, "head_width": 64},
    "text_cfg": {"context_length": 32, "vocab_size": 49408, "width": 64, "heads": 4, "layers": 2},
}
# The whole frame is squeezed into the square. Mean and deviation are those of OpenAI's CLIP.
PREPROCESSING: dict[str, Any] = {
    "mean": [0.48145466, 0.4578275, 0.40821073],
    "std": [0.26862954, 0.26130258, 0.27577711],
    "interpolation": "bicubic",
    "resize_mode": "squash",
}
SINGLES = tuple(Scene((Figure(colour, shape),)) for colour in COLOURS for shape in SHAPES)
_NAMES = (*COLOURS, *SHAPES)
_HELPER_WEIGHT = 6.0
_BATCH = 128


class TrainedClip(nn.Module):
    """The model, and a linear layer that says which colours and shapes are in the picture; it is dropped at export."""

    def __init__(self) -> None:
        super().__init__()
        self.clip = open_clip.CLIP(**MODEL, quick_gelu=False)
        self.clip.visual.to(memory_format=torch.channels_last)
        for name, weights in self.clip.visual.named_parameters():
            if name.endswith("bn3.weight"):
                nn.init.ones_(weights)  # the library's zeros leave a linear model for the first thousand steps
        self.names = nn.Linear(MODEL["embed_dim"], len(_NAMES))
        self._tokenize = open_clip.SimpleTokenizer(context_length=MODEL["text_cfg"]["context_length"])
        self._numbers = {_figure(scene.figures[0]): number for number, scene in enumerate(SINGLES)}

    def encode_captions(self, captions: Sequence[str]) -> torch.Tensor:
        """Unit vectors (captions x width)."""
        ids = self._tokenize(list(captions)).to(self.names.weight.device)
        ends = ids.argmax(1)  # the end has the highest number; what is behind it cannot be seen, and is left out
        length, clip = int(ends.max()) + 1, self.clip
        words = clip.token_embedding(ids[:, :length]) + clip.positional_embedding[:length]
        read = clip.ln_final(clip.transformer(words, attn_mask=clip.attn_mask[:length, :length]))
        return functional.normalize(read[torch.arange(len(ids)), ends] @ clip.text_projection, dim=-1).float()

    def encode_pixels(self, pixels: torch.Tensor) -> torch.Tensor:
        """Vectors (pictures x width), of any length, of uint8 pictures (pictures x height x width x 3)."""
        device = self.names.weight.device
        mean, deviation = (torch.tensor(PREPROCESSING[name], device=device) for name in ("mean", "std"))
        scaled = (pixels.to(device).float() / 255 - mean) / deviation
        return self.clip.encode_image(scaled.permute(0, 3, 1, 2)).float()

    def loss(self, pictures: Pictures) -> torch.Tensor:
        """Captions against pictures both ways, the 80 figures against pictures both ways, and the helper's."""
        seen = self.encode_pixels(pictures.pixels)
        images = functional.normalize(seen, dim=-1)
        singles = [scene.caption for scene in SINGLES]
        captions = {caption: row for row, caption in enumerate(dict.fromkeys([*singles, *pictures.captions]))}
        texts = self.encode_captions(list(captions))
        scale = self.clip.logit_scale.exp().clamp(max=100)
        pairs = scale * images @ texts[[captions[caption] for caption in pictures.captions]].T
        alike = _alike(pictures.captions).to(pairs.device)
        contrast = functional.cross_entropy(pairs, alike) + functional.cross_entropy(pairs.T, alike)
        single, wanted = self._singles(pictures.scenes)
        figures = scale * texts[: len(SINGLES)] @ images.T
        ranking = functional.cross_entropy(figures.T[single], wanted) + _search_loss(figures, single, wanted)
        named = functional.binary_cross_entropy_with_logits(self.names(seen), self._present(pictures.scenes))
        return contrast / 2 + ranking + _HELPER_WEIGHT * named

    def _singles(self, scenes: Sequence[Scene]) -> tuple[torch.Tensor, torch.Tensor]:
        """Which pictures show one figure, and which of the 80."""
        rows = [row for row, scene in enumerate(scenes) if len(scene.figures) == 1]
        wanted = [self._numbers[_figure(scenes[row].figures[0])] for row in rows]
        device = self.names.weight.device
        return torch.tensor(rows, device=device), torch.tensor(wanted, device=device)

    def _present(self, scenes: Sequence[Scene]) -> torch.Tensor:
        present = [[float(name in _words(scene)) for name in _NAMES] for scene in scenes]
        return torch.tensor(present, device=self.names.weight.device)


def train_clip(checkpoint: Path, recipe: Recipe, say: Callable[[str], None]) -> TrainedClip:
    """Trains to the end of the recipe, from the checkpoint on where there is one."""
    torch.manual_seed(recipe.seed)
    model = TrainedClip()
    trainer = Trainer(model, recipe, checkpoint)
    side_px = MODEL["vision_cfg"]["image_size"]
    if trainer.step < trainer.steps:
        known = PictureBatches(side_px, 320, seed=f"watch {recipe.seed}", first=0, last=0).batch(trainer.steps)
        steps = {"first": trainer.step, "last": trainer.steps}
        for pictures in loaded(PictureBatches(side_px, _BATCH, seed=f"train {recipe.seed}", **steps), least=1):
            with mixed_precision(trainer.device):
                loss = model.loss(pictures)
            trainer.learn(loss)
            if trainer.at_report:
                trainer.save()
                say(trainer.progress(f"loss {loss.item():.2f}  {_figures(model, known)}"))
    return model.eval()


def _search_loss(scores: torch.Tensor, single: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """A figure's caption among all pictures (figures x pictures): those that show it alone are to come first."""
    right = torch.zeros_like(scores)
    right[wanted, single] = 1
    asked = right.sum(1) > 0
    return functional.cross_entropy(scores[asked], right[asked] / right[asked].sum(1, keepdim=True))


def _words(scene: Scene) -> set[str]:
    return {word for figure in scene.figures for word in (figure.colour, figure.shape)}


def _figure(figure: Figure) -> tuple[str, str]:
    return figure.colour, figure.shape


def _alike(captions: Sequence[str]) -> torch.Tensor:
    """Rows of shares: captions that mean the same are equally right."""
    meanings = [re.sub(r"^(a picture of )?(an? |the )?", "", caption) for caption in captions]
    same = torch.tensor([[float(one == other) for other in meanings] for one in meanings])
    return same / same.sum(1, keepdim=True)


@torch.inference_mode()
def _figures(model: TrainedClip, pictures: Pictures) -> str:
    """How many pictures of one figure are taken for the right one of all 80; of those, colour and shape alone."""
    model.eval()
    with mixed_precision(model.names.weight.device):
        texts = model.encode_captions([scene.caption for scene in SINGLES])
        scores = model.encode_pixels(pictures.pixels) @ texts.T
    model.train()
    single = [(row, scene.figures[0]) for row, scene in enumerate(pictures.scenes) if len(scene.figures) == 1]
    found = [(SINGLES[int(scores[row].argmax())].figures[0], figure) for row, figure in single]
    rights = [
        sum(one.colour == other.colour and one.shape == other.shape for one, other in found),
        sum(one.colour == other.colour for one, other in found),
        sum(one.shape == other.shape for one, other in found),
    ]
    shares = [100 * right / len(found) for right in rights]
    return f"right {shares[0]:.0f} %  colour {shares[1]:.0f} %  shape {shares[2]:.0f} %"
