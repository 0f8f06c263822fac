"""Requests that artifacts at a URL make, and whose fault it is where one fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache

from medley.artifacts.store import Manifest
from medley.errors import MissingFile, SetupError, TransientError
from medley.sources import urls as objects


@lru_cache(4096)
def read_manifest(url: str, version: str) -> Manifest | None:
    """Reads the manifest at `url`; None where it is torn or gone. `version` is what makes it another one."""
    with suppress(ValueError, TypeError, MissingFile):
        return Manifest(**json.loads(objects.read(url)))
    return None


def remove_if_there(url: str) -> None:
    """Deletes an object; no error where there is none."""
    with suppress(MissingFile):
        objects.remove(url)


@contextmanager
def told(url: str) -> Iterator[None]:
    """Tells of a bucket that refuses us as the machine's fault, of what is not there as transient."""
    try:
        yield
    except MissingFile as error:
        if error.reason == "does not exist":
            raise TransientError(f"is not there any more: {error.file}", remedy="Run it again") from error
        remedy = "Check MEDLEY_ARTIFACTS and the credentials on this machine"
        raise SetupError(f"artifacts at {url}: {error.file} {error.reason}", remedy=remedy) from error
