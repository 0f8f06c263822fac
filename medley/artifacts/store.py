"""Artifacts on a file system that all workers see.

A directory `<aa>/<asset_id>/<stage>/<fingerprint>/` counts when its `manifest.json` is there and every file that it
names has the size it says. It is filled under another name and renamed when it is whole, so that a crash leaves
either all of it or nothing that counts.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from medley.errors import NO_SPACE, BadInput, no_space
from medley.system.points import reach
from medley.types import utc_now

if TYPE_CHECKING:
    from medley.artifacts.copies import Copies

MANIFEST = "manifest.json"
SOURCES = ".sources"  #: copies of the files that are ingested, below the root
_BLOCK_BYTES = 1 << 20
T = TypeVar("T")
R = TypeVar("R")
#: Names an artifact: asset id, stage, fingerprint.
Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Manifest:
    """Describes one artifact. `data` holds the few facts that a later stage or a report asks for."""

    stage: str
    fingerprint: str
    run_id: str
    created: str
    files: dict[str, dict[str, Any]]
    data: dict[str, Any]


@dataclass(slots=True)
class Draft:
    """An artifact of a stage in the making: files go into `directory`, facts into `data`.

    With an `error` there will be none.
    """

    directory: Path
    stage: str
    data: dict[str, Any] = field(default_factory=dict)
    error: BadInput | None = None


class ArtifactStore:
    """Artifacts below one root directory."""

    def __init__(self, root: Path, cache_bytes: int = 10 << 30) -> None:
        self.root, self._bytes = root, cache_bytes

    @property
    def copies(self) -> Copies:
        """What this machine has fetched."""
        from medley.artifacts.copies import Copies  # loads what speaks to buckets

        return Copies(self.root / SOURCES, self._bytes)

    def check(self) -> None:
        """Raises SetupError where artifacts cannot be kept here."""

    def asset_directory(self, asset_id: str) -> Path:
        """Returns the directory that holds everything that was made of an asset."""
        return self.root / asset_id[:2] / asset_id

    def directory(self, asset_id: str, stage: str, fingerprint: str) -> Path:
        """Returns the directory where an artifact is, or would be."""
        return self.asset_directory(asset_id) / stage / fingerprint

    def stages(self, asset_id: str, fingerprint: str) -> list[str]:
        """Returns the names of the stages that have an artifact of `fingerprint` for an asset, whole or not."""
        found = self.asset_directory(asset_id).glob(f"*/{fingerprint}")
        return sorted(path.parent.name for path in found)

    def find(self, asset_id: str, stage: str, fingerprint: str) -> Manifest | None:
        """Reads an artifact's manifest.

        Returns None where the manifest is absent, unreadable, or names a file that is missing or of another size.
        """
        directory = self.directory(asset_id, stage, fingerprint)
        try:
            manifest = Manifest(**json.loads((directory / MANIFEST).read_text()))
            whole = all((directory / name).stat().st_size == known["size"] for name, known in manifest.files.items())
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None  # absent or torn: it is made again
        return manifest if whole else None

    def look_up(self, asset_ids: Sequence[str]) -> None:
        """Looks up some hundreds of assets at once, for snapshots that ask for them soon."""

    def snapshot(self) -> ArtifactStore:
        """Returns a store for many questions about one asset after another: changes meanwhile may go unseen."""
        return self

    def map(self, ask: Callable[[T], R], keys: Iterable[T]) -> list[R]:
        """Calls `ask` for each of `keys`, several at the same time where that saves waiting; results in their order."""
        return [ask(key) for key in keys]

    @contextmanager
    def hold(self, keys: Sequence[Key]) -> Iterator[list[Path]]:
        """Yields the directories of artifacts, which stay on this machine until the block ends.

        Raises TransientError where one is there no more.
        """
        yield [self.directory(*key) for key in keys]

    @contextmanager
    def hold_source(self, url: str, asset_id: str, name: str) -> Iterator[Path]:
        """Yields a copy of the file at `url`, called `name`, which stays here until the block ends.

        Raises MissingFile, TransientError, also where its bytes do not have the hash `asset_id`.
        """
        copy = self.root / SOURCES / asset_id[:2] / asset_id / name
        handle = self.copies.held(url, copy, asset_id)
        try:
            yield copy
        finally:
            os.close(handle)

    @contextmanager
    def hold_file(self, name: str) -> Iterator[Path]:
        """Yields one file of an artifact, by its path below the root; see `hold`."""
        yield self.root / name

    def file(self, name: str) -> Path:
        """Returns one file of an artifact, by its path below the root, for somebody to look at."""
        return self.root / name

    @contextmanager
    def create(self, asset_id: str, stage: str, fingerprint: str, run_id: str) -> Iterator[Draft]:
        """Makes an artifact: it exists once the block has ended without an error, and not before. Raises NoSpace."""
        with self.create_all([(asset_id, stage, fingerprint)], run_id) as drafts:
            yield drafts[0]

    @contextmanager
    def create_all(self, keys: Sequence[Key], run_id: str) -> Iterator[list[Draft]]:
        """Makes artifacts as `create` makes one."""
        with ExitStack() as opened:
            yield [opened.enter_context(self._create(key, run_id)) for key in keys]

    @contextmanager
    def _create(self, key: Key, run_id: str) -> Iterator[Draft]:
        final = self.directory(*key)
        _, stage, fingerprint = key
        draft = Draft(final.parent / f".{fingerprint}.{uuid.uuid4().hex[:8]}", stage)
        try:
            _begin(draft.directory, final)
            yield draft
            if draft.error is None:
                _write_manifest(draft, fingerprint, run_id)
                reach("artifact filled")
                swap_in(draft.directory, final)
        except OSError as error:
            if error.errno in NO_SPACE:
                raise no_space(self.root) from error
            raise
        finally:
            if os.path.exists(draft.directory):
                shutil.rmtree(draft.directory, ignore_errors=True)

    def remove(self, asset_id: str, stage: str, fingerprint: str) -> None:
        """Takes an artifact away, manifest first; no error where there is none."""
        directory = self.directory(asset_id, stage, fingerprint)
        (directory / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(directory, ignore_errors=True)

    def assets(self) -> Iterator[str]:
        """Yields the id of each asset of which something was made."""
        for shard in sorted(self.root.glob("??")):
            yield from sorted(path.name for path in shard.iterdir() if path.is_dir())

    def forget_copies(self, known: Callable[[str], bool]) -> None:
        """Removes this machine's copies of assets that are not `known`, where there are such copies."""
        for directory in (self.root / SOURCES).glob("??/*"):
            if not known(directory.name):
                shutil.rmtree(directory, ignore_errors=True)

    def remove_asset(self, asset_id: str) -> tuple[int, int]:
        """Takes everything away that was made of an asset; returns how many files that were, and how many bytes."""
        directory = self.asset_directory(asset_id)
        sizes = [os.lstat(os.path.join(at, name)).st_size for at, _, names in os.walk(directory) for name in names]
        if directory.exists():
            shutil.rmtree(directory)
        shutil.rmtree(self.root / SOURCES / asset_id[:2] / asset_id, ignore_errors=True)
        return len(sizes), sum(sizes)


def _begin(draft: Path, final: Path) -> None:
    """An empty directory for a draft. Those that a killed process left go.

    The asset is claimed by our run, so nobody else is filling one.
    """
    try:
        draft.mkdir()
    except FileNotFoundError:
        draft.mkdir(parents=True)
        return
    for name in os.listdir(draft.parent):
        if name.startswith(f".{final.name}.") and name != draft.name:
            shutil.rmtree(draft.parent / name, ignore_errors=True)


def _files(directory: str, within: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Each file below a directory, by its path within: size and hash."""
    with os.scandir(directory) as found:
        for entry in sorted(found, key=lambda entry: entry.name):
            if entry.is_dir(follow_symlinks=False):
                yield from _files(entry.path, f"{within}{entry.name}/")
            elif entry.is_file():
                yield within + entry.name, {"size": entry.stat().st_size, "sha256": sha256_of(entry.path)}


def _write_manifest(draft: Draft, fingerprint: str, run_id: str) -> None:
    content = {
        "stage": draft.stage,
        "fingerprint": fingerprint,
        "run_id": run_id,
        "created": utc_now(),
        "files": dict(_files(str(draft.directory))),
        "data": draft.data,
    }
    with open(draft.directory / MANIFEST, "w", encoding="utf-8") as file:
        file.write(json.dumps(content, indent=1))
        file.flush()
        os.fsync(file.fileno())


def swap_in(made: Path, final: Path) -> None:
    """Puts `made` in the place of `final`. What stood there had been found wanting, or is made again on purpose."""
    if os.path.exists(final):
        aside = made.with_name(made.name + ".old")
        final.rename(aside)
        reach("artifact aside")
        made.rename(final)
        shutil.rmtree(aside, ignore_errors=True)
    else:
        made.rename(final)


def sha256_of(path: Path | str) -> str:
    """Computes the hex SHA-256 of a file's bytes, read in blocks."""
    digest = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
