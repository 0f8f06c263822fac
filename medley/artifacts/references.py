"""Files of artifacts as arguments of a call that another machine may carry out: by reference, not by path."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medley.artifacts import artifact_store


@dataclass(frozen=True, slots=True)
class FileReference:
    """One file of an artifact that is kept at a URL; `name` is its path below the root of the cache."""

    root: Path
    url: str
    cache_mb: int
    name: str


def as_references(value: Any, root: Path, url: str, cache_mb: int) -> Any:
    """Replaces paths below `root` by references, in lists and tuples, too; `value` itself without a URL."""
    if not url:
        return value
    if isinstance(value, Path) and value.is_relative_to(root):
        return FileReference(root, url, cache_mb, value.relative_to(root).as_posix())
    if isinstance(value, list | tuple):
        return type(value)(as_references(each, root, url, cache_mb) for each in value)
    return value


@contextmanager
def as_paths(value: Any) -> Iterator[Any]:
    """Replaces references by the paths of copies on this machine, which stay there until the block ends.

    Raises TransientError.
    """
    with ExitStack() as held:
        yield _path(value, held)


def _path(value: Any, held: ExitStack) -> Any:
    if isinstance(value, FileReference):
        store = artifact_store(value.root, value.url, value.cache_mb)
        return held.enter_context(store.hold_file(value.name))
    if isinstance(value, list | tuple):
        return type(value)(_path(each, held) for each in value)
    return value
