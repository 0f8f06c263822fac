"""A disk that is full: no work is begun on it, and a run that meets it in the middle can still end in order."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

from sqlalchemy.exc import DBAPIError

from medley.errors import NO_SPACE, NoSpace, no_space
from medley.settings import Settings

P = ParamSpec("P")
R = TypeVar("R")

_MB = 1 << 20
_RESERVE_MB = 16
_LEAST_MB = 4
_TRY_S, _AGAIN_S = 3.0, 0.1
_LOSSES = 5  # of connections, in one write


def require_space(settings: Settings) -> None:
    """Raises NoSpace where MEDLEY_HOME has less than `min_free_mb` left."""
    if _free_bytes(settings.home) < settings.min_free_mb * _MB:
        raise no_space(settings.home, f"less than {settings.min_free_mb} MB left (MEDLEY_MIN_FREE_MB)")


class Reserve:
    """Some space that a run holds, to give it back when the disk is full. A file without a name: a crash frees it."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._file = tempfile.TemporaryFile(dir=home)  # noqa: SIM115  # held open for the length of the run
        try:
            os.posix_fallocate(self._file.fileno(), 0, _RESERVE_MB * _MB)
        except OSError as error:
            self.release()
            if error.errno in NO_SPACE:
                raise no_space(home) from None

    def exhausted(self) -> NoSpace | None:
        """Frees the reserve where next to no space is left, and returns the error to stop with; None otherwise."""
        if _free_bytes(self._home) >= _LEAST_MB * _MB:
            return None
        self.release()
        return no_space(self._home)

    def release(self) -> None:
        """Gives it back."""
        self._file.close()


def retry_while_disk_full(write: Callable[P, R]) -> Callable[P, R]:
    """Makes `write` be tried, as a whole or not at all, for some seconds of a full disk.

    A reserve is freed meanwhile. `write` is tried once more where the database went away in the
    middle: connections wait until the database is there again. Raises NoSpace.
    """

    @wraps(write)
    def tried(*args: P.args, **kwargs: P.kwargs) -> R:
        began, lost = time.monotonic(), 0
        while True:
            try:
                return write(*args, **kwargs)
            except (OSError, DBAPIError) as error:
                lost = wait_or_raise(error, began, lost)

    return tried


def wait_or_raise(error: OSError | DBAPIError, began: float, lost: int) -> int:
    """Returns when a write that began at `began` (monotonic) may be tried again; how many connections it has lost.

    Raises NoSpace where the disk stays full, `error` where waiting is of no use.
    """
    lost += isinstance(error, DBAPIError) and error.connection_invalidated
    if lost and lost < _LOSSES:
        return lost
    if not _is_full(error):
        raise error
    if time.monotonic() - began > _TRY_S:
        raise no_space("MEDLEY_HOME") from error
    time.sleep(_AGAIN_S)
    return lost


def _is_full(error: OSError | DBAPIError) -> bool:
    if isinstance(error, OSError):
        return error.errno in NO_SPACE
    return "disk is full" in str(error.orig)  # SQLITE_FULL


def _free_bytes(where: Path) -> int:
    return shutil.disk_usage(where).free
