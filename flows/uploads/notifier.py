"""When a run is to be started for what has landed, and how: one event `medley.upload.landed` for many files."""

from __future__ import annotations

import httpx

from flows.services.addresses import prefect_url
from flows.services.log import logger
from flows.services.upload_event import emit
from flows.uploads.drain import CLAIM
from medley.catalog import Catalog
from medley.catalog.uploads import Uploads
from medley.settings import Settings

#: What waits without anybody at it (an event was lost, a run has died) is rung for again.
_CHECK_S, _AGAIN_S = 5.0, 30.0
_PATHS_TOLD = 200


class UploadNotifier:
    """Rings for files that wait, unless a run drains them already or is on its way. Times are of one monotonic clock.

    The first file of a burst rings at once; the run takes whatever waits by the time it begins, and while it goes on.
    """

    def __init__(self, source: str, catalog: Catalog, uploads: Uploads, settings: Settings) -> None:
        self._source, self._catalog, self._uploads, self._settings = source, catalog, uploads, settings
        self._fresh = False
        self._next_check = 0.0
        self._rung = -_AGAIN_S
        self._told: set[str] = set()

    def landed(self, count: int) -> None:
        """Takes note that `count` more files have been noted in the catalog."""
        self._fresh |= count > 0

    def emit_if_due(self, now: float) -> None:
        """Emits the event where it is time to."""
        if self._fresh:
            self._fresh = False
            self._ring(now)
        elif now >= self._next_check:
            self._next_check = now + _CHECK_S
            if now - self._rung >= _AGAIN_S:
                self._ring(now)

    def _ring(self, now: float) -> None:
        paths = self._uploads.waiting_paths(_PATHS_TOLD)
        if not paths or self._catalog.claimed(CLAIM):
            return  # nobody waits, or whoever is at it takes these as well
        if self._told.intersection(paths) and now - self._rung < _AGAIN_S:
            return  # a run for those is on its way, and takes these as well
        if self._tell(paths, now):
            self._rung, self._told = now, set(paths)

    def _tell(self, paths: list[str], now: float) -> bool:
        url = prefect_url(self._settings)
        if not url:
            logger.warning("%d files wait; no Prefect server is up to start their run: see `medley up`", len(paths))
            return False
        try:
            emit(url, self._source, paths)
        except httpx.HTTPError as error:
            logger.warning("%d files wait; Prefect's server does not answer: %s", len(paths), error)
            return False
        logger.info("rang for %d files", len(paths))
        return True
