"""Files fetched into a cache on this machine, and kept there while somebody reads them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import nullcontext
from functools import lru_cache
from pathlib import Path

from medley.artifacts.cache import Cache, alone, hold
from medley.artifacts.requests import told
from medley.errors import TransientError
from medley.sources import urls as objects

_TRIES = 3


class Copies:
    """Copies below `root`, of `most_bytes` together. `whose`: where the artifacts are that are fetched, see `told`."""

    def __init__(self, root: Path, most_bytes: int, whose: str = "") -> None:
        self._root, self._whose = root, whose
        self._cache = _cache_of(root, most_bytes)

    def locked(self, path: Path, ensure: Callable[[], int]) -> int:
        """Locks an entry of the cache by its file; `ensure` sees to it that it is there, and returns the bytes added.

        What is too much in the cache goes once this entry is safe. Close the handle. Raises TransientError.
        """
        for _ in range(_TRIES):
            added = ensure()
            if (handle := hold(path)) is not None:
                self._cache.added(added)
                return handle
        raise TransientError(f"the cache {self._root} lost what was fetched", remedy="Raise MEDLEY_CACHE_MB")

    def added(self, count: int) -> None:
        """Notes that `count` bytes were written into the cache by somebody else."""
        self._cache.added(count)

    def held(self, url: str, copy: Path, sha256: str = "") -> int:
        """Fetches the file at `url` to `copy` where it is not there yet, and locks it. Close the handle.

        Raises TransientError, also where its bytes do not have the hash `sha256`.
        """
        return self.locked(copy, lambda: self._ensure(url, copy, sha256))

    def download(self, url: str, to: Path) -> str:
        """Fetches a file; returns the hash of its bytes. Raises TransientError, MissingFile, SetupError."""
        with told(self._whose) if self._whose else nullcontext():
            return objects.fetch(url, to)

    def _ensure(self, url: str, copy: Path, sha256: str) -> int:
        with alone(copy):
            if copy.exists():
                return 0
            draft = copy.with_name(f".{uuid.uuid4().hex}")
            try:
                if self.download(url, draft) != sha256 and sha256:
                    raise TransientError("has changed since it was looked at", file=url, remedy="Run again")
                draft.rename(copy)
            finally:
                draft.unlink(missing_ok=True)
            return copy.stat().st_size


@lru_cache
def _cache_of(root: Path, most_bytes: int) -> Cache:
    return Cache(root, most_bytes)
