"""The artifact store: what stages made, on a file system that all workers see.

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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medley.errors import NO_SPACE, BadInput, no_space
from medley.types import utc_now

MANIFEST = "manifest.json"
_BLOCK_BYTES = 1 << 20


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
    """An artifact in the making: files go into `directory`, facts into `data`; with an `error` there will be none."""

    directory: Path
    data: dict[str, Any] = field(default_factory=dict)
    error: BadInput | None = None


class ArtifactStore:
    """Artifacts below one root directory."""

    def __init__(self, root: Path) -> None:
        self.root = root

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

    @contextmanager
    def create(self, asset_id: str, stage: str, fingerprint: str, run_id: str) -> Iterator[Draft]:
        """Makes an artifact: it exists once the block has ended without an error, and not before.

        Raises NoSpace when the disk is full.
        """
        final = self.directory(asset_id, stage, fingerprint)
        draft = Draft(final.parent / f".{fingerprint}.{uuid.uuid4().hex[:8]}")
        try:
            _begin(draft.directory, final)
            yield draft
            if draft.error is None:
                _write_manifest(draft, stage, fingerprint, run_id)
                _swap_in(draft.directory, final)
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


def _write_manifest(draft: Draft, stage: str, fingerprint: str, run_id: str) -> None:
    content = {
        "stage": stage,
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


def _swap_in(made: Path, final: Path) -> None:
    """Puts `made` in the place of `final`. What stood there had been found wanting, or is made again on purpose."""
    if os.path.exists(final):
        aside = made.with_name(made.name + ".old")
        final.rename(aside)
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
