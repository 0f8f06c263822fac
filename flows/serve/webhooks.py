"""Tells other systems by signed POSTs: an item or a run has ended, something new matches a saved query."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

from flows.services.log import logger
from medley.catalog import Catalog
from medley.catalog.details import ended_items, ended_runs
from medley.settings import Settings
from medley.types import utc_now

_LOOK_S = 2.0
_TRIES, _PAUSE_S, _TIMEOUT_S = 4, 2.0, 10.0
_PAGE = 500
SIGNATURE = "X-Medley-Signature"

#: Asks for the best hits of a query in one asset: the hits that are not weak.
Match = Callable[[str, str], Any]


class Webhooks:
    """Looks at the ledger and posts what is new since the service has started. Run `run` as a task."""

    def __init__(self, settings: Settings, catalog: Catalog, secret: str) -> None:
        self._settings, self._catalog, self._secret = settings, catalog, secret.encode()
        self._since = {"items": utc_now(), "runs": utc_now()}
        self._told: set[tuple[str, str, str]] = set()

    @property
    def wanted(self) -> bool:
        """Whether anybody is to be told."""
        return bool(self._settings.serve.webhooks)

    async def run(self, match: Match) -> None:
        """Looks and posts until it is cancelled."""
        while self.wanted:
            try:
                for event in await self._news(match):
                    await self._post_all(event)
            except Exception as error:  # noqa: BLE001  # a store or database that is away: looked at again
                logger.warning("webhooks: %s: %s", type(error).__name__, error)
            await asyncio.sleep(_LOOK_S)

    async def _news(self, match: Match) -> list[dict[str, Any]]:
        events = []
        for row in await asyncio.to_thread(ended_runs, self._catalog.engine, self._since["runs"], _PAGE):
            self._since["runs"] = max(self._since["runs"], row["ended"])
            if self._is_new("run", row["run_id"], row["ended"]):
                events.append({"event": "run.ended", **row})
        for row in await asyncio.to_thread(ended_items, self._catalog.engine, self._since["items"], _PAGE):
            self._since["items"] = max(self._since["items"], row["updated"])
            if self._is_new("item", row["asset_id"] + row["flow"], row["updated"]):
                events.append({"event": "item.ended", **row})
                events += await self._matches(row, match)
        return events

    def _is_new(self, kind: str, name: str, when: str) -> bool:
        """Whether it was not told before: times are of milliseconds, and several rows may share one."""
        key = (kind, name, when)
        new = key not in self._told
        self._told.add(key)
        if len(self._told) > 20 * _PAGE:
            self._told = {known for known in self._told if known[2] >= min(self._since.values())}
        return new

    async def _matches(self, row: dict[str, Any], match: Match) -> list[dict[str, Any]]:
        if row["status"] not in ("complete", "partial"):
            return []
        found = []
        for query in self._settings.serve.saved_queries:
            if hits := await match(query, row["asset_id"]):
                found.append({"event": "query.matched", "query": query, "asset_id": row["asset_id"], "hits": hits})
        return found

    async def _post_all(self, event: dict[str, Any]) -> None:
        body = json.dumps({**event, "sent": utc_now()}).encode()
        await asyncio.gather(*(self._post(url, body) for url in self._settings.serve.webhooks))

    async def _post(self, url: str, body: bytes) -> None:
        import httpx

        headers = {"Content-Type": "application/json", SIGNATURE: signature(self._secret, body, int(time.time()))}
        for n in range(_TRIES):
            try:
                async with httpx.AsyncClient(timeout=_TIMEOUT_S, follow_redirects=False) as client:
                    (await client.post(url, content=body, headers=headers)).raise_for_status()
                return
            except httpx.HTTPError as error:
                logger.warning("webhook %s: %s", url.partition("?")[0], error or type(error).__name__)
                await asyncio.sleep(_PAUSE_S * 2**n)


def signature(secret: bytes, body: bytes, at: int) -> str:
    """Signs a body with its time, so that a receiver can refuse old ones: `t=<seconds>,v1=<HMAC-SHA256, hex>`."""
    return f"t={at},v1={hmac.new(secret, f'{at}.'.encode() + body, hashlib.sha256).hexdigest()}"


def is_signed(secret: bytes, body: bytes, given: str, now: int, *, patience_s: int = 300) -> bool:
    """Says whether a signature is of this body and not older than `patience_s`; what a receiver has to check."""
    parts = dict(part.partition("=")[::2] for part in given.split(","))
    at = parts.get("t", "")
    if not at.isdecimal() or abs(now - int(at)) > patience_s:
        return False
    return hmac.compare_digest(signature(secret, body, int(at)), given)


def shown(hits: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Cuts hits down to what a receiver needs to know where to look."""
    names = ("score", "path", "asset_id", "record_id", "modality", "start_s", "end_s", "page", "text")
    return [{name: hit[name] for name in names} for hit in hits if not hit["weak"]]
