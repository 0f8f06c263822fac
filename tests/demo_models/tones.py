"""The training's colours: well-known tones of each colour's name, and tones that keep away from them."""

from __future__ import annotations

import colorsys
import math
import random
from collections.abc import Sequence

RGB = tuple[float, float, float]

# Each drawing shifts them a little. Tones that people call by two of the names (crimson-brown, indigo) are left out.
_TONES: dict[str, tuple[str, ...]] = {
    "red": ("#ff0000", "#dc143c", "#cc1f1f", "#e53935", "#d32f2f", "#e74c3c", "#f44336", "#c80000"),
    "blue": ("#0000ff", "#1e4fd8", "#2a52be", "#1f77d4", "#4169e1", "#0000cd", "#3498db", "#1e90ff", "#0a2fa0"),
    "green": ("#008000", "#00ff00", "#22a040", "#2ca02c", "#3cb44b", "#2ecc71", "#228b22", "#2e7d32", "#4caf50"),
    "yellow": ("#ffff00", "#ffe119", "#f7d716", "#ffd700", "#ffeb3b", "#f1e017", "#f4d03f"),
    "black": ("#000000", "#000000", "#101010", "#1c1c1c", "#242424"),
    "white": ("#ffffff", "#ffffff", "#f8f8f8", "#f2f2f2", "#ececec"),
    "orange": ("#ffa500", "#ff8c00", "#f58231", "#ff7f0e", "#ff9800", "#e67e22", "#fb7a06"),
    "purple": ("#800080", "#7b1fa2", "#8a2be2", "#6a0dad", "#9467bd", "#9b59b6", "#a020f0", "#5e2a8c"),
    "pink": ("#ffc0cb", "#ff69b4", "#f781bf", "#fc8eac", "#ffb6c1", "#ff85a2", "#f06292", "#fd6cc0"),
    "brown": ("#a52a2a", "#8b4513", "#7b4a1e", "#654321", "#8c564b", "#795548", "#5d4037", "#964b00", "#a0522d"),
}
_CLEAR_DISTANCE = 0.27  # of at most 1.73


def tone_of(colour: str, rng: random.Random) -> RGB:
    """One of the colour's tones, a little shifted; black and white keep to greys."""
    code = rng.choice(_TONES[colour])
    red, green, blue = (int(code[i : i + 2], 16) / 255 for i in (1, 3, 5))
    if colour in ("black", "white"):
        return red, green, blue
    hue, saturation, value = colorsys.rgb_to_hsv(red, green, blue)
    return colorsys.hsv_to_rgb(
        (hue + rng.uniform(-0.012, 0.012)) % 1,
        min(1, saturation * rng.uniform(0.88, 1.06)),
        min(1, value * rng.uniform(0.88, 1.06)),
    )


def clear(tone: RGB, colours: Sequence[RGB]) -> bool:
    """Whether the tone differs enough from all these colours to lie behind them."""
    return all(math.dist(tone, colour) > _CLEAR_DISTANCE for colour in colours)


def away_from(colours: Sequence[RGB], rng: random.Random) -> RGB:
    """Black, white, any grey, a pale or dark tinge or a full colour, clear of all these colours."""
    while True:
        tone = _ground_tone(rng)
        if clear(tone, colours):
            return tone


def mixed(first: RGB, second: RGB, share: float) -> RGB:
    """So much of the second in the first."""
    red, green, blue = ((1 - share) * one + share * other for one, other in zip(first, second, strict=True))
    return red, green, blue


def _ground_tone(rng: random.Random) -> RGB:
    kind = rng.random()
    if kind < 0.28:
        return rng.choice(((1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (0.94, 0.94, 0.95), (0.5, 0.5, 0.5), (0.08, 0.08, 0.08)))
    if kind < 0.56:
        grey = rng.random()
        return grey, grey, grey
    if kind < 0.74:
        return colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.4, 1), rng.uniform(0.3, 1))
    pale = rng.random() < 0.5
    value = rng.uniform(0.7, 1) if pale else rng.uniform(0.08, 0.45)
    return colorsys.hsv_to_rgb(rng.random(), rng.uniform(0, 0.35 if pale else 0.6), value)
