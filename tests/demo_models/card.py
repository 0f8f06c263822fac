"""The model card: figures of the shipped checkpoints, written beside them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.demo_models.figures import PictureFigures, SpeechFigures
from tests.demo_models.marks import Share

_TEMPLATE = Path(__file__).with_name("card.md")
_HEADING = "\n## "


def write_card(directory: Path, speech: SpeechFigures | None, pictures: PictureFigures | None) -> Path:
    """Writes README.md beside the checkpoints and returns its path. A section without new figures stays as it is."""
    path = directory / "README.md"
    sections = _sections(_TEMPLATE.read_text())
    fields: dict[str, object] = {"whisper_mb": _size_mb(directory / "whisper"), "clip_mb": _size_mb(directory / "clip")}
    if speech:
        fields |= _speech_fields(speech)
    else:
        sections["Speech"] = _sections(path.read_text())["Speech"]
    if pictures:
        fields |= _picture_fields(pictures)
    else:
        sections["Pictures"] = _sections(path.read_text())["Pictures"]
    path.write_text(_HEADING.join(sections.values()).format(**fields))
    return path


def _sections(text: str) -> dict[str, str]:
    """By their titles, what stands before the first one by its own first line."""
    return {section.partition("\n")[0]: section for section in text.split(_HEADING)}


def _speech_fields(speech: SpeechFigures) -> dict[str, object]:
    return {
        "speech": speech,
        "voices": _table("voice (fresh sentences)", "word error rate", speech.fresh.by_voice),
        "made_up": "no text" if not speech.made_up else ", ".join(f"{k}: {v!r}" for k, v in speech.made_up.items()),
    }


def _picture_fields(pictures: PictureFigures) -> dict[str, object]:
    return {
        "pictures": pictures,
        "colours": _table("colour", "right", pictures.fresh.by_colour),
        "shapes": _table("shape", "right", pictures.fresh.by_shape),
        "sizes": _table("size", "right", pictures.fresh.by_size),
    }


def _size_mb(directory: Path) -> float:
    return sum(path.stat().st_size for path in directory.iterdir()) / 1e6


def _table(head: str, figure: str, shares: Mapping[str, Share]) -> str:
    """Across: one column for each name."""
    names, values = " | ".join(shares), " | ".join(map(str, shares.values()))
    return f"| {head} | {names} |\n|{'---|' * (len(shares) + 1)}\n| {figure} | {values} |"
