"""What we print: names of files and words of documents never reach a terminal as commands to it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from medley.plain import printable, to_json


class PlainConsole(Console):
    """A console on which all text is text; colours and cursor movements come from Rich alone."""

    def __init__(self, *, stderr: bool = False, soft_wrap: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False, soft_wrap=soft_wrap)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yields printable segments of `renderable`, as Rich asks for them before adding its own control sequences."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(printable(segment.text, keep="\n"), segment.style)


def print_json(value: Any) -> None:
    """Prints one JSON document on stdout."""
    print(to_json(value, indent=1))


def print_note(text: str) -> None:
    """Prints one line on stderr that is no error."""
    print(printable(text), file=sys.stderr)


def print_error(text: str) -> None:
    """Prints an error as one line on stderr."""
    print(f"medley: {printable(' '.join(text.split()))}", file=sys.stderr)
