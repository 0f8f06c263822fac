"""How the service and the cluster are, for people, load balancers and Prometheus."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from typing import Any

from fastapi import APIRouter, Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from pydantic import BaseModel

from flows.serve.routes.answers import PROBLEMS
from flows.serve.service import Serving, off_loop
from flows.services.addresses import prefect_url, ray_cluster
from medley import __version__
from medley.catalog.views import status_counts
from medley.errors import MedleyError

router = APIRouter(tags=["health"], responses=PROBLEMS)

REGISTRY = CollectorRegistry()
for _collector in (ProcessCollector, PlatformCollector, GCCollector):
    _collector(registry=REGISTRY)
REQUESTS = Counter(
    "medley_requests", "Requests, by route and status.", ("route", "method", "status"), registry=REGISTRY
)
SECONDS = Histogram("medley_request_seconds", "Time until an answer begins.", ("route",), registry=REGISTRY)
ITEMS = Gauge("medley_items", "Files that are known, by status.", ("status",), registry=REGISTRY)

_RAY_S, _FRESH_S = 30.0, 10.0
_NOTHING: dict[str, Any] = {"total": 0, "available": 0.0}
_AWAY = {
    "status": "unavailable",
    "ray_status": "disconnected",
    "nodes": 0,
    "cpus": _NOTHING,
    "gpus": _NOTHING,
    "actor_pools": [],
}


class Health(BaseModel):
    """Whether searches can be answered, and by what."""

    status: str
    version: str
    store: str
    catalog: str
    prefect: str | None
    generation: str  #: of the index: see `medley migrate`


class Amount(BaseModel):
    """How much of something there is, and is free."""

    total: int
    available: float


class RayHealth(BaseModel):
    """How the cluster is."""

    status: str
    ray_status: str
    nodes: int
    cpus: Amount
    gpus: Amount
    actor_pools: list[str]


@router.get("/healthz", include_in_schema=False)
async def is_alive() -> Response:
    """Says that the service answers, and nothing else: for load balancers, without the secret."""
    return Response("ok\n", media_type="text/plain")


@router.get("/api/health")
async def show_health(service: Serving) -> Health:
    """Says whether store and catalog answer."""
    found = {"store": "fine", "catalog": "fine"}
    try:
        await service.in_thread(lambda: service.searchers.ask(lambda store: store.collections()))
    except MedleyError as error:
        found["store"] = error.reason
    try:
        await off_loop(status_counts, service.catalog.engine)
    except Exception as error:  # noqa: BLE001  # whatever a database driver raises: it is what is asked for
        found["catalog"] = f"does not answer: {type(error).__name__}"
    status = "healthy" if set(found.values()) == {"fine"} else "degraded"
    more = {"prefect": prefect_url(service.settings), "generation": service.searchers.generation}
    return Health(status=status, version=__version__, **more, **found)


class _Ray:
    """The last answer of the cluster: joining it takes seconds."""

    turn = asyncio.Lock()
    known: dict[str, Any] = _AWAY
    since = -_FRESH_S


@router.get("/api/health/ray")
async def show_ray(service: Serving) -> RayHealth:
    """Says how the Ray cluster is: nodes, CPUs, GPUs, and the pools of models."""
    async with _Ray.turn:
        if time.monotonic() > _Ray.since + _FRESH_S:
            try:
                address = await off_loop(ray_cluster, service.settings)
            except MedleyError:
                address = None
            _Ray.known = await _asked() if address else _AWAY
            _Ray.since = time.monotonic()
    return RayHealth.model_validate(_Ray.known)


async def _asked() -> dict[str, Any]:
    """What a process of its own says, which joins the cluster: it takes 200 MB and its own threads with it."""
    command = (sys.executable, "-P", "-m", "flows.serve.ray_health")
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, env=dict(os.environ)
    )
    try:
        out, _ = await asyncio.wait_for(process.communicate(), _RAY_S)
        found: dict[str, Any] = json.loads(out.splitlines()[-1])
    except (TimeoutError, ValueError, IndexError):
        return _AWAY
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return found


@router.get("/metrics", responses={200: {"content": {"text/plain": {}}}}, response_class=Response)
async def show_metrics(service: Serving) -> Response:
    """Gives the figures of the service in Prometheus' format; those of the pools are Ray's own."""
    for status, count in (await off_loop(status_counts, service.catalog.engine)).items():
        ITEMS.labels(status).set(count)
    return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)
