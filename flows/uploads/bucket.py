"""One watched bucket: listed every few seconds. What is listed there is whole."""

from __future__ import annotations

from pathlib import PurePosixPath

from flows.services.log import logger
from medley.catalog.uploads import Upload, Uploads
from medley.errors import MedleyError
from medley.sources.stability import DONE, FAILED, is_temporary
from medley.sources.urls import listing
from medley.types import Object

_EVERY_S = 10.0


class Bucket:
    """Objects below a URL: new and changed ones are noted in the catalog."""

    def __init__(self, url: str, after: str, uploads: Uploads) -> None:
        self._url, self._after, self._uploads = url.rstrip("/"), after, uploads
        self._next = 0.0

    def look(self, now: float) -> int:
        """Lists it where it is time to; how many objects have been noted."""
        if now < self._next:
            return 0
        self._next = now + _EVERY_S
        noted = 0
        try:
            for page in listing(self._url):
                ours = [self._upload(found) for found in page if self._is_ours(found)]
                fresh = self._uploads.unknown(ours)
                self._uploads.record(fresh)
                noted += len(fresh)
        except MedleyError as error:
            logger.warning("%s", error)  # it is looked at again
        return noted

    def close(self) -> None:
        """Does nothing, because a bucket has nothing to end."""

    def _upload(self, found: Object) -> Upload:
        return Upload(found.url, self._url, found.version, self._after)

    def _is_ours(self, found: Object) -> bool:
        below = PurePosixPath(found.url.removeprefix(self._url).lstrip("/"))
        hidden = any(part.startswith(".") for part in below.parts)
        return not (hidden or is_temporary(below) or below.parts[0] in (DONE, FAILED) or found.url.endswith("/"))
