"""Artifacts at a URL (a bucket, or whatever else fsspec can write to), and this machine's cache of them.

Objects are named as files are: `<url>/<aa>/<asset_id>/<stage>/<fingerprint>/<file>`. The manifest is uploaded last and
removed first. What counts is what is at the URL; a copy in the cache counts where its manifest is that very object.
"""

from __future__ import annotations

import json
import os
import shutil
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from medley.artifacts.cache import FILES, alone, hold
from medley.artifacts.copies import Copies
from medley.artifacts.requests import read_manifest, remove_if_there, told
from medley.artifacts.store import MANIFEST, ArtifactStore, Draft, Key, Manifest, R, T, swap_in
from medley.errors import MissingFile, SetupError, TransientError
from medley.sources import urls as objects
from medley.types import Object

_VERSION = ".version"  # of the manifest, beside its copy
_AT_ONCE = 16  # requests
_KNOWN_S = 60.0  # for which what was looked up is taken for what there is
_PROBE = ".medley"


class UrlArtifacts(ArtifactStore):
    """Artifacts at `url`; `root` is the cache, of `cache_bytes`. With `listed` each asset is looked up only once."""

    def __init__(
        self, root: Path, url: str, cache_bytes: int, listed: dict[str, dict[str, Object]] | None = None
    ) -> None:
        super().__init__(root, cache_bytes)
        self.url = url.rstrip("/")
        self._bytes, self._listed = cache_bytes, listed

    @property
    def copies(self) -> Copies:
        """What this machine has fetched."""
        return Copies(self.root, self._bytes, self.url)

    def check(self) -> None:
        """Writes a small object to the URL. Raises SetupError where that is refused."""
        probe = self.root / _PROBE
        self.root.mkdir(parents=True, exist_ok=True)
        probe.touch()
        try:
            with told(self.url):
                objects.put(probe, f"{self.url}/{_PROBE}")
        except TransientError as error:
            remedy = "Check MEDLEY_ARTIFACTS, the network and AWS_ENDPOINT_URL"
            raise SetupError(f"artifacts cannot be kept at {self.url}: {error.reason}", remedy=remedy) from error

    def stages(self, asset_id: str, fingerprint: str) -> list[str]:
        """Returns the names of the stages that have an artifact of `fingerprint` for an asset, whole or not."""
        parts = (name.split("/") for name in self._objects(asset_id))
        return sorted({part[0] for part in parts if len(part) > 2 and part[1] == fingerprint})

    def find(self, asset_id: str, stage: str, fingerprint: str) -> Manifest | None:
        """Reads an artifact's manifest; None where it is absent, torn, or an object that it names is missing."""
        found = self._found(asset_id, stage, fingerprint)
        return found[0] if found else None

    def look_up(self, asset_ids: Sequence[str]) -> None:
        """Looks up assets at the same time; forgets those that were looked up before."""
        found = self.map(self._objects, asset_ids)
        _looked_up[self.url] = (time.monotonic(), dict(zip(asset_ids, found, strict=True)))

    def snapshot(self) -> ArtifactStore:
        """Returns a store that looks up each asset only once, and not those that were looked up just now."""
        at, known = _looked_up.get(self.url, (0.0, {}))
        return UrlArtifacts(self.root, self.url, self._bytes, dict(known) if time.monotonic() - at < _KNOWN_S else {})

    def map(self, ask: Callable[[T], R], keys: Iterable[T]) -> list[R]:
        """Calls `ask` for each of `keys`, several at the same time; results in their order."""
        keys = list(keys)
        if len(keys) < 2:
            return [ask(key) for key in keys]
        with ThreadPoolExecutor(min(_AT_ONCE, len(keys))) as pool:
            return list(pool.map(ask, keys))

    @contextmanager
    def hold(self, keys: Sequence[Key]) -> Iterator[list[Path]]:
        """Yields the directories of artifacts in the cache, where they stay until the block ends."""
        handles: list[int] = []
        try:
            self.map(lambda key: handles.append(self._held(key)), keys)
            yield [self.directory(*key) for key in keys]
        finally:
            for handle in handles:
                os.close(handle)

    @contextmanager
    def hold_file(self, name: str) -> Iterator[Path]:
        """Yields one file of an artifact; it stays in the cache until the block ends."""
        whole = self.root / name
        *directory, _ = name.split("/", 4)
        handle = hold(self.root.joinpath(*directory, MANIFEST)) if whole.is_file() else None
        copy = whole if handle is not None else self.root / FILES / name
        handle = handle if handle is not None else self.copies.held(f"{self.url}/{name}", copy)
        try:
            yield copy
        finally:
            os.close(handle)

    def file(self, name: str) -> Path:
        """Returns the cached copy of one file of an artifact; the path where it would be, where it is gone."""
        with suppress(MissingFile, TransientError), self.hold_file(name) as path:
            return path
        return self.root / name

    @contextmanager
    def create_all(self, keys: Sequence[Key], run_id: str) -> Iterator[list[Draft]]:
        """Makes artifacts in the cache, then uploads them. Raises NoSpace, TransientError."""
        with super().create_all(keys, run_id) as drafts:
            yield drafts
        self.map(self._upload, [key for key, draft in zip(keys, drafts, strict=True) if draft.error is None])

    def remove(self, asset_id: str, stage: str, fingerprint: str) -> None:
        """Takes an artifact away, manifest first; no error where there is none."""
        here = f"{stage}/{fingerprint}/"
        names = [name for name in self._objects(asset_id) if name.startswith(here)]
        self._remove(asset_id, sorted(names, key=lambda name: name != here + MANIFEST))
        super().remove(asset_id, stage, fingerprint)

    def assets(self) -> Iterator[str]:
        """Yields the id of each asset of which something was made."""
        seen: Counter[str] = Counter()
        with told(self.url):
            for found in (each for page in objects.listing(f"{self.url}/") for each in page):
                shard, _, rest = found.url.partition(f"{self.url}/")[2].partition("/")
                asset_id = rest.partition("/")[0]
                if asset_id.startswith(shard) and len(asset_id) == 64 and not seen[asset_id]:
                    seen[asset_id] += 1
                    yield asset_id

    def forget_copies(self, known: Callable[[str], bool]) -> None:
        """Removes what the cache has of assets that are not `known`."""
        super().forget_copies(known)
        for root in (self.root, self.root / FILES):
            for directory in root.glob("??/*"):
                if not known(directory.name):
                    shutil.rmtree(directory, ignore_errors=True)

    def remove_asset(self, asset_id: str) -> tuple[int, int]:
        """Takes everything away that was made of an asset, here and at the URL; how many objects, how many bytes."""
        found = self._objects(asset_id)
        self._remove(asset_id, sorted(found, key=lambda name: not name.endswith(f"/{MANIFEST}")))
        super().remove_asset(asset_id)
        shutil.rmtree(self.root / FILES / asset_id[:2] / asset_id, ignore_errors=True)
        return len(found), sum(max(0, known.size_bytes) for known in found.values())

    def _url(self, asset_id: str, name: str = "") -> str:
        return f"{self.url}/{asset_id[:2]}/{asset_id}/{name}"

    def _objects(self, asset_id: str) -> dict[str, Object]:
        """What is kept of an asset, by `stage/fingerprint/file`."""
        if self._listed is not None and asset_id in self._listed:
            return self._listed[asset_id]
        with told(self.url):
            listed = [found for page in objects.listing(self._url(asset_id)) for found in page]
        known = {found.url.partition(f"/{asset_id}/")[2]: found for found in listed}
        if self._listed is not None:
            self._listed[asset_id] = known
        return known

    def _found(self, asset_id: str, stage: str, fingerprint: str) -> tuple[Manifest, str] | None:
        """The manifest, and the version of the object that holds it."""
        there, here = self._objects(asset_id), f"{stage}/{fingerprint}/"
        known = there.get(here + MANIFEST)
        if known is None:
            return None
        manifest = read_manifest(self._url(asset_id, here + MANIFEST), known.version or uuid.uuid4().hex)
        sizes = (
            {name: there[here + name].size_bytes for name in manifest.files if here + name in there} if manifest else {}
        )
        if manifest is None or any(sizes.get(name) not in (of["size"], -1) for name, of in manifest.files.items()):
            return None
        return manifest, known.version

    def _held(self, key: Key) -> int:
        return self.copies.locked(self.directory(*key) / MANIFEST, lambda: self._ensure(key))

    def _ensure(self, key: Key) -> int:
        """Makes the cache's copy of an artifact the one that counts; returns how many bytes were fetched."""
        found, directory = self._found(*key), self.directory(*key)
        if found is None:
            raise TransientError(f"the artifact of {key[1]} is not at {self.url} any more", remedy="Run it again")
        manifest, version = found
        with alone(directory):
            if version and _version_of(directory) == version and super().find(*key):
                return 0
            draft = directory.with_name(f".{directory.name}.{uuid.uuid4().hex[:8]}")
            try:
                base = self._url(key[0], f"{key[1]}/{key[2]}/")
                self.map(lambda name: self.copies.download(base + name, draft / name), [*manifest.files, MANIFEST])
                (draft / _VERSION).write_text(version)
                swap_in(draft, directory)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
        return sum(of["size"] for of in manifest.files.values())

    def _upload(self, key: Key) -> None:
        directory, base = self.directory(*key), self._url(key[0], f"{key[1]}/{key[2]}/")
        files: dict[str, dict[str, int]] = json.loads((directory / MANIFEST).read_text())["files"]
        with told(self.url):
            remove_if_there(base + MANIFEST)
            for name in files:
                objects.put(directory / name, base + name)
            version = objects.put(directory / MANIFEST, base + MANIFEST)
        (directory / _VERSION).write_text(version)
        self.copies.added(sum(of["size"] for of in files.values()))

    def _remove(self, asset_id: str, names: Sequence[str]) -> None:
        """The first one alone, then the others."""
        for some in (names[:1], names[1:]):
            with told(self.url):
                self.map(lambda name: remove_if_there(self._url(asset_id, name)), some)


#: By URL, when some assets were looked up together, and what there was of them.
_looked_up: dict[str, tuple[float, dict[str, dict[str, Object]]]] = {}


def _version_of(directory: Path) -> str:
    file = directory / _VERSION
    return file.read_text() if file.is_file() else ""
