"""One budget of memory for all decoders on this machine, whatever run or process they belong to."""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from medley.errors import SetupError
from medley.setting_groups import Limits
from medley.system.machine import cpus, memory_bytes
from medley.system.stop import raise_if_stopped

#: The share of the machine's memory that decoders may be allowed, all together; the rest is for models and services.
_SHARE = 0.75
_POLL_S = 0.05


def decoders_at_once(limits: Limits) -> int:
    """Returns how many children may run at once on this machine: as many as fit in memory, at most one a core."""
    return max(1, min(cpus(), int((memory_bytes() >> 20) * _SHARE) // limits.memory_mb))


@contextmanager
def decoder_slot(limits: Limits) -> Iterator[None]:
    """Waits for a place among the decoders of this machine, and holds it. Raises Cancelled when the run is stopped."""
    directory, count = _directory(), decoders_at_once(limits)
    held: int | None = None
    while held is None:
        held = next(filter(None, (_try(directory / str(n)) for n in range(count))), None)
        if held is None:
            raise_if_stopped()
            time.sleep(_POLL_S)
    try:
        yield
    finally:
        os.close(held)


def _try(path: Path) -> int | None:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def _directory() -> Path:
    """The lock files: of this user, and of no home, because several homes share one machine."""
    directory = Path(tempfile.gettempdir(), f"medley-decoders-{os.getuid()}")
    directory.mkdir(mode=0o700, exist_ok=True)
    found = directory.lstat()
    if found.st_uid != os.getuid() or directory.is_symlink():
        raise SetupError(
            f"{directory} belongs to somebody else", remedy="Remove it, or set TMPDIR to a folder of yours"
        )
    return directory
