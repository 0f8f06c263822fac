"""What a check of `medley doctor` says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from medley.settings import Settings

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Line:
    """One finding."""

    name: str
    state: State
    what: str
    remedy: str = ""


Check = Callable[[Settings], Iterator[Line]]
