"""What an erasure has looked at, and what it removed there."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(slots=True)
class Place:
    """One place. `removed` counts by kind; `clean` is False where something is left, and `why` says what and why."""

    place: str
    removed: dict[str, int] = field(default_factory=dict)
    clean: bool = True
    why: str = ""


@dataclass(slots=True)
class Receipt:
    """The answer of one `medley forget`: assets, the names that they had, and every place."""

    assets: list[str]
    names: list[str]
    places: list[Place] = field(default_factory=list)
    busy: list[str] = field(default_factory=list)  #: assets that a run is at work on: nothing of them was touched

    @property
    def clean(self) -> bool:
        """Whether nothing is left anywhere."""
        return not self.busy and all(place.clean for place in self.places)

    def to_dict(self) -> dict[str, Any]:
        """Converts the receipt to a dict as the command line contract has it."""
        return asdict(self) | {"clean": self.clean}
