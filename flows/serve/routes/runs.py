"""Runs: what is going on, what ended how, and trying again what is not complete."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from flows.serve.problems import Problem
from flows.serve.routes.answers import PROBLEMS
from flows.serve.service import Service, Serving, off_loop
from flows.services.addresses import prefect_url
from flows.services.log import logger
from medley.catalog.details import run_details, runs_page
from medley.catalog.lookup import locations_of

router = APIRouter(prefix="/api", tags=["runs"], responses=PROBLEMS)
RunId = Annotated[str, Path(pattern=r"^[0-9a-f-]{36}$")]


class Run(BaseModel):
    """One run; `prefect_page` is where Prefect shows it."""

    run_id: str
    flow: str
    status: str
    profile: str
    started: str
    ended: str | None
    counts: dict[str, int]
    prefect_page: str | None


class RunDetails(Run):
    """A run with the items of which it was the last to tell."""

    host: str
    items: list[dict[str, Any]]


class Again(BaseModel):
    """Files that are to be tried again."""

    paths: list[str] = Field(min_length=1, max_length=1000)


@router.get("/runs")
async def list_runs(
    service: Serving, limit: Annotated[int, Query(ge=1, le=200)] = 20, offset: Annotated[int, Query(ge=0, le=10**7)] = 0
) -> list[Run]:
    """Lists the runs, the newest first."""
    found = await off_loop(lambda: runs_page(service.catalog.engine, limit, offset))
    return [Run(**_with_page(run, service)) for run in found]


@router.get("/runs/{run_id}")
async def show_run(run_id: RunId, service: Serving) -> RunDetails:
    """Shows a run and what became of its items."""
    found = await off_loop(lambda: run_details(service.catalog.engine, run_id))
    if found is None:
        raise Problem(404, f"there is no run {run_id}", "GET /api/runs lists them")
    return RunDetails(**_with_page(found, service))


@router.post("/retry", status_code=202)
async def try_again(asked: Again, service: Serving) -> dict[str, Any]:
    """Starts a run for files that are known, as the upload folder does. Finished stages are kept."""
    known = await off_loop(lambda: locations_of(service.catalog.engine, asked.paths))
    if missing := [path for path in asked.paths if path not in known]:
        raise Problem(404, f"{missing[0]} is not known", "GET /api/assets lists what is")
    url = prefect_url(service.settings)
    if not url:
        raise Problem(503, "no Prefect server is up to start the run", "Start it: medley up")
    await off_loop(_ring, url, list(known), service)
    return {"paths": list(known), "status": "pending"}


def _ring(url: str, paths: list[str], service: Service) -> None:
    import httpx  # and Prefect, which takes a second

    from flows.services.upload_event import emit

    try:
        emit(url, service.settings.upload_source, paths)
    except httpx.HTTPError as error:
        logger.warning("not told to Prefect: %s", error)
        raise Problem(503, "Prefect's server does not answer", "See: medley doctor") from None


def _with_page(run: dict[str, Any], service: Service) -> dict[str, Any]:
    pages, prefect_id = (prefect_url(service.settings) or "").removesuffix("/api"), run.pop("prefect_run_id")
    return {**run, "prefect_page": f"{pages}/runs/flow-run/{prefect_id}" if pages and prefect_id else None}
