"""What the routes of the service share: settings, catalog, searchers; and an asset's file on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, TypeVar

import anyio
from fastapi import Depends, Path, Request

from flows.serve.local import Found, find_in
from flows.serve.request import RECORD_ID, SearchRequest
from flows.serve.searchers import Searchers
from flows.serve.sessions import Sessions
from medley.catalog import Catalog
from medley.catalog.voices import named_voices
from medley.errors import MissingFile
from medley.media.source import asset_here, stamp_of
from medley.models.base import ModelSpec, TextEncoder
from medley.search.people import names_of
from medley.settings import Settings
from medley.sources.urls import is_url
from medley.speakers import mark
from medley.stores.base import Collection, ScoredRecord, VectorStore
from medley.types import Asset

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Service:
    """One running service."""

    settings: Settings
    catalog: Catalog
    searchers: Searchers
    sessions: Sessions
    opened: asyncio.Event = field(default_factory=asyncio.Event)  #: the store has been searched once

    async def search(self, request: SearchRequest) -> Found:
        """Searches in one of the threads. Raises StoreUnavailable, SetupError, ModelUnavailable."""
        missed = list[ModelSpec]()

        def encoders(spec: ModelSpec) -> TextEncoder | None:
            encoder = self.searchers.encoder(spec)
            missed.extend([] if encoder else [spec])
            return encoder

        work = lambda store: find_in(store, request, self.settings, self.catalog, encoders)  # noqa: E731
        found = await self.in_thread(lambda: self.searchers.ask(work))
        found["loading"] = bool(missed)
        if missed:
            found["notes"].append("the models are still being loaded: only words were searched")
        return found

    async def record(self, record_id: str) -> ScoredRecord:
        """Reads a record. Raises MissingFile where there is none."""
        found = await self.in_thread(lambda: self.searchers.ask(lambda store: _record(store, record_id)))
        if found is None:
            raise MissingFile(f"there is no record {record_id}", remedy="A search shows the ids")
        return found

    async def speaker_names(self, asset_id: str, turns: Sequence[dict[str, Any]]) -> dict[int, str]:
        """Finds the names that the speakers of an asset have, by their numbers."""
        voices = await off_loop(named_voices, self.catalog.engine) if turns else []
        if not voices:
            return {}
        names = await self.in_thread(lambda: self.searchers.ask(lambda store: names_of(store, voices)))
        numbers = {turn["speaker"] for turn in turns}
        return {number: names[mark(asset_id, number)] for number in numbers if mark(asset_id, number) in names}

    async def in_thread(self, work: Callable[[], R]) -> R:
        """Runs what asks the store in one of the threads of searches."""
        return await asyncio.get_running_loop().run_in_executor(self.searchers.threads, work)

    def path_of(self, asset_id: str) -> str:
        """Returns where an asset was seen last. Raises MissingFile where it is unknown."""
        path = self.catalog.newest_locations([asset_id]).get(asset_id)
        if path is None:
            raise MissingFile(f"there is no asset {asset_id}", remedy="GET /api/assets lists them")
        return path

    @contextlib.contextmanager
    def asset(self, asset_id: str) -> Iterator[Asset]:
        """Yields an asset as it can be read here, until the block ends: a file of a bucket as a copy.

        Raises MissingFile where the asset is unknown, or its file is gone or has changed since; TransientError.
        """
        path, media = self.path_of(asset_id), self.catalog.media(asset_id)
        if media is None:
            raise MissingFile("was never opened", file=path, remedy="Ingest it again")
        known = Asset(
            asset_id, path if not is_url(path) else "/" + asset_id, 0, media, url=path if is_url(path) else ""
        )
        with asset_here(known, self.settings.artifact_store) as here:
            yield here if here.url else self._as_it_was(here)

    def _as_it_was(self, asset: Asset) -> Asset:
        """The asset with the stamp of the file that the catalog knows: other bytes are refused when they are read."""
        location = self.catalog.location(asset.path)
        try:
            found = os.stat(asset.path)
        except OSError:
            raise MissingFile(
                "is not there any more", file=asset.path, remedy="What it held stays searchable"
            ) from None
        same = location and (location.size_bytes, location.mtime_ns) == (found.st_size, found.st_mtime_ns)
        return replace(asset, size_bytes=found.st_size, stamp=stamp_of(found) if same else "changed")


def _record(store: VectorStore, record_id: str) -> ScoredRecord | None:
    collections: list[Collection] = store.collections()
    found = (store.fetch(collection, record_id) for collection in collections)
    return next((known[0] for known in found if known), None)


def service_of(request: Request) -> Service:
    """Returns the service that a request came to."""
    found: Service = request.app.state.service
    return found


Serving = Annotated[Service, Depends(service_of)]
AssetId = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$", description="id of the asset: SHA-256 of its bytes")]
RecordId = Annotated[str, Path(pattern=f"^{RECORD_ID}$", description="id of the record")]


async def off_loop(work: Callable[..., R], *args: Any) -> R:
    """Runs what waits for a disk, a database or a child in a thread."""
    return await anyio.to_thread.run_sync(work, *args)
