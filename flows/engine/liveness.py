"""Looks every few seconds whether a run may go on: not cancelled in Prefect's UI, Prefect, Ray and disk there."""

from __future__ import annotations

import contextlib
import contextvars
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import httpx
from prefect import get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from flows.services.ray_state import lost_cluster
from medley.errors import ServiceUnreachable
from medley.system.disk import Reserve
from medley.system.stop import STOP, request_stop

_EVERY_S, _SPACE_EVERY_S = 3.0, 0.25
#: A server may be started again meanwhile; Prefect's own calls are tried for a minute.
_PATIENCE_S = 75.0


@contextlib.contextmanager
def monitored(run_id: str, home: Path) -> Iterator[None]:
    """Stops a flow run that may not go on while the block runs, with the reason where nobody wanted the stop."""
    done = threading.Event()
    reserve = Reserve(home)
    context = contextvars.copy_context()  # Prefect's settings, and with them its URL, are in there
    guards = [
        threading.Thread(target=context.run, args=(_watch, UUID(run_id), done), daemon=True),
        threading.Thread(target=_watch_space, args=(reserve, done), daemon=True),
    ]
    for guard in guards:
        guard.start()
    try:
        yield
    finally:
        done.set()
        for guard in guards:
            guard.join(timeout=_EVERY_S)
        reserve.release()


def _watch_space(reserve: Reserve, done: threading.Event) -> None:
    while not done.wait(_SPACE_EVERY_S):
        if full := reserve.exhausted():
            full.stage = "run"
            request_stop(full)
            return


def _watch(run_id: UUID, done: threading.Event) -> None:
    answered = time.monotonic()
    with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}), get_client(sync_client=True) as client:
        while not done.wait(_EVERY_S) and not STOP.is_set():
            if why := lost_cluster():
                request_stop(_lost(f"Ray went away: {why}"))
                return
            try:
                cancelled = _cancelled(client, run_id)
                answered = time.monotonic()
            except httpx.HTTPError as error:
                if time.monotonic() - answered > _PATIENCE_S:
                    where = PREFECT_API_URL.value()
                    request_stop(_lost(f"Prefect's server at {where} went away: {error or type(error).__name__}"))
                continue
            if cancelled:
                request_stop()


def _cancelled(client: SyncPrefectClient, run_id: UUID) -> bool:
    """Prefect tells a flow's process nothing: its own state is read. A run that was deleted there is not wanted."""
    try:
        state = client.read_flow_run(run_id).state
    except ObjectNotFound:
        return True
    return state is not None and (state.is_cancelling() or state.is_cancelled())


def _lost(why: str) -> ServiceUnreachable:
    error = ServiceUnreachable(why, remedy="Run again: finished stages are kept")
    error.stage = "run"
    return error
