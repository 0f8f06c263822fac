"""The model card: figures of the shipped checkpoints, written beside them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.demo_models.figures import PictureFigures, SpeechFigures
from tests.demo_models.marks import Share

_TEMPLATE = Path(__file__).with_name("card.md")


def write_card(directory: Path, speech: SpeechFigures, pictures: PictureFigures) -> Path:
    """Writes README.md beside the checkpoints and returns its path."""
    text = _TEMPLATE.read_text().format(
        whisper_mb=_size_mb(directory / "whisper"),
        clip_mb=_size_mb(directory / "clip"),
        fixed=speech.fixed,
        fixed_in_noise=speech.fixed_in_noise,
        fresh=speech.fresh,
        fresh_in_noise=speech.fresh_in_noise,
        unheard=speech.unheard,
        voices=_table("voice (fresh sentences)", "word error rate", speech.fresh.by_voice),
        made_up="no text" if not speech.made_up else ", ".join(f"{k}: {v!r}" for k, v in speech.made_up.items()),
        pictures=pictures,
        colours=_table("colour", "right", pictures.fresh.by_colour),
        shapes=_table("shape", "right", pictures.fresh.by_shape),
        sizes=_table("size", "right", pictures.fresh.by_size),
    )
    path = directory / "README.md"
    path.write_text(text)
    return path


def _size_mb(directory: Path) -> float:
    return sum(path.stat().st_size for path in directory.iterdir()) / 1e6


def _table(head: str, figure: str, shares: Mapping[str, Share]) -> str:
    """Across: one column for each name."""
    names, values = " | ".join(shares), " | ".join(map(str, shares.values()))
    return f"| {head} | {names} |\n|{'---|' * (len(shares) + 1)}\n| {figure} | {values} |"
