"""Pictures within the text of a terminal that can show them: kitty's protocol, iTerm2's, sixel."""

from __future__ import annotations

import base64
import io
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

Protocol = Literal["kitty", "iterm", "sixel"]

_PIXELS = (256, 144)
_CHUNK = 4096  #: of what kitty takes at once
_COLOURS = 64
_SIXEL_TERMINALS = ("foot", "mlterm", "yaft", "contour", "xterm-sixel")


def protocol_of(environment: Mapping[str, str], *, terminal: bool) -> Protocol | None:
    """Returns how the terminal shows pictures; None where it does not, or where nobody looks at one."""
    name, program = environment.get("TERM", ""), environment.get("TERM_PROGRAM", "")
    if not terminal or "TMUX" in environment or name.startswith(("screen", "dumb")):
        return None
    if "KITTY_WINDOW_ID" in environment or name == "xterm-kitty" or program == "ghostty":
        return "kitty"
    if program in ("iTerm.app", "WezTerm", "vscode"):
        return "iterm"
    return "sixel" if name.startswith(_SIXEL_TERMINALS) else None


def show(path: str | None) -> None:
    """Prints a picture where stdout is a terminal that can show it; nothing else."""
    how = protocol_of(os.environ, terminal=sys.stdout.isatty())
    if how and path and Path(path).is_file():
        print(f"     {encoded(Path(path), how)}")


def encoded(path: Path, how: Protocol) -> str:
    """Encodes a JPEG of ours as a terminal wants it."""
    from PIL import Image

    with Image.open(path, formats=["JPEG"]) as picture:
        small = picture.convert("RGB")
    small.thumbnail(_PIXELS)
    if how == "sixel":
        return _sixel(small.quantize(_COLOURS))
    file = io.BytesIO()
    small.save(file, "PNG")
    data = base64.b64encode(file.getvalue()).decode()
    if how == "iterm":
        return f"\x1b]1337;File=inline=1;width={small.width}px;height={small.height}px:{data}\x07"
    return "".join(_kitty(data))


def _kitty(data: str) -> Iterator[str]:
    """In chunks; `m=1` says that there is more."""
    parts = [data[at : at + _CHUNK] for at in range(0, len(data), _CHUNK)]
    for n, part in enumerate(parts):
        first = "a=T,f=100," if n == 0 else ""
        yield f"\x1b_G{first}m={int(n + 1 < len(parts))};{part}\x1b\\"


def _sixel(picture: Any) -> str:
    """Bands of six rows; in each band every colour that is there (DEC STD 070)."""
    width, height = picture.size
    palette = picture.getpalette() or []
    pixels = picture.tobytes()
    out = [f'\x1bPq"1;1;{width};{height}']
    for n in range(len(palette) // 3):
        red, green, blue = (round(value * 100 / 255) for value in palette[3 * n : 3 * n + 3])
        out.append(f"#{n};2;{red};{green};{blue}")
    for top in range(0, height, 6):
        rows = [pixels[y * width : (y + 1) * width] for y in range(top, min(top + 6, height))]
        for colour in sorted(set(b"".join(rows))):
            bits = (sum((row[x] == colour) << n for n, row in enumerate(rows)) for x in range(width))
            out.append(f"#{colour}{''.join(chr(63 + value) for value in bits)}$")
        out.append("-")
    return "".join(out) + "\x1b\\"
