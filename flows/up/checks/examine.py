"""Runs all checks, one after the other."""

from __future__ import annotations

from collections.abc import Iterator

from flows.up.checks.finding import Line
from flows.up.checks.machine import MACHINE
from flows.up.checks.services import SERVICES
from medley.errors import MedleyError
from medley.settings import Settings


def examine(settings: Settings) -> Iterator[Line]:
    """Runs all checks, and yields every finding as soon as it is known."""
    for check in (*MACHINE, *SERVICES):
        try:
            yield from check(settings)
        except MedleyError as error:
            yield Line(check.__name__.removeprefix("check_"), "fail", error.reason, error.remedy)
        except Exception as error:  # noqa: BLE001  # what cannot be examined is a finding as well
            yield Line(check.__name__.removeprefix("check_"), "fail", f"{type(error).__name__}: {error}")
