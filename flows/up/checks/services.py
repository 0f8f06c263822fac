"""What `medley doctor` looks at in services: the standing installation, Prefect and its clock, Ray, the store."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import httpx

from flows.serve.client import post
from flows.serve.request import SearchRequest
from flows.services.addresses import prefect_url, ray_cluster, running
from flows.services.shared import vector_store
from flows.up.checks.finding import Check, Line
from flows.up.exposure import require_secrets
from flows.up.installation import PORTS, is_free, programs, supervisor_pid
from medley.settings import Settings
from medley.stores.connect import open_store

_CLOCK_S = 5.0
_REACH_S = 60.0
_NOWHERE = "0" * 64  # an asset that there is not


def check_services(settings: Settings) -> Iterator[Line]:
    """Programs of the standing installation; where there is none, whether it could start."""
    require_secrets(settings)
    if not supervisor_pid(settings):
        yield Line("services", "ok", "no standing installation; commands start what they need (`medley up` for one)")
        for group, name in PORTS:
            known = getattr(settings, group)
            port = getattr(known, name)
            if not is_free(known.host, port):
                what = f"port {port} ({name.replace('_port', '') if group == 'up' else group}) is taken"
                yield Line("ports", "warn", what, "`medley up` takes another one, unless you name one")
        return
    states = programs(settings)
    for name, state in states.items():
        if state not in ("RUNNING", "STOPPED", "EXITED"):
            remedy = f"See {settings.logs / name}.log; it is tried again by itself"
            yield Line("services", "fail", f"{name} is in state {state}", remedy)
    well = [name for name, state in states.items() if state == "RUNNING"]
    yield Line("services", "ok", f"running: {', '.join(well)}")


def check_prefect(settings: Settings) -> Iterator[Line]:
    """Checks whether Prefect's server answers, and whether its clock agrees with the clock of this machine."""
    url = prefect_url(settings)
    if not url:
        return
    try:
        user, _, password = os.environ.get("PREFECT_API_AUTH_STRING", "").partition(":")
        answer = httpx.get(f"{url}/admin/version", timeout=10, auth=(user, password) if user else None)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            yield Line("prefect", "fail", f"{url} asks for another password", "Set PREFECT_API_AUTH_STRING")
            return
        answer.raise_for_status()
    except httpx.HTTPError as error:
        yield Line("prefect", "fail", f"{url} does not answer: {error}", "Start it; check PREFECT_API_URL")
        return
    yield Line("prefect", "ok", f"answers at {url}")
    told = parsedate_to_datetime(answer.headers["date"]).timestamp()
    if abs(told - time.time()) > _CLOCK_S:
        what = f"Prefect's server is {told - time.time():+.0f} s off this machine"
        yield Line("clock", "warn", what, "Set both by NTP: schedules and late runs depend on it")
    else:
        yield Line("clock", "ok", "as Prefect's server has it")


def check_ray(settings: Settings) -> Iterator[Line]:
    """Checks whether the cluster can be joined, what it declares, and whether its workers reach Prefect."""
    cluster = ray_cluster(settings)
    if not cluster:
        return
    from flows.services.ray_start import start_ray, stop_ray
    from flows.services.ray_state import on_a_worker

    url = prefect_url(settings)
    start_ray(settings)
    try:
        seen = on_a_worker(f"{url}/health" if url else None, _REACH_S)
    finally:
        stop_ray()
    what = f"{cluster}: {seen.cpus:g} CPUs, {seen.gpus:g} GPUs, {seen.nodes} node{'s' if seen.nodes > 1 else ''}"
    yield Line("ray", "ok", what)
    if seen.error:
        remedy = "Make it reachable from every node of the cluster, and set PREFECT_API_URL to that address"
        yield Line("ray", "fail", f"a Ray worker does not reach Prefect at {url}: {seen.error}", remedy)
    elif url:
        yield Line("ray", "ok", f"a worker reaches Prefect at {url}")


def check_store(settings: Settings) -> Iterator[Line]:
    """Checks whether the store answers and takes writes."""
    with vector_store(settings) as address:
        store = open_store(address)
        try:
            count = len(store.collections())
            store.delete(_NOWHERE)
        finally:
            store.close()
    yield Line("store", "ok", f"{address.uri}: {count} collections, takes writes")


def check_serve(settings: Settings) -> Iterator[Line]:
    """Checks whether the service answers."""
    if running("serve", settings):
        post(SearchRequest(query="is anybody there", limit=1), settings)
        yield Line("serve", "ok", f"answers at {running('query', settings)}")


SERVICES: tuple[Check, ...] = (check_services, check_prefect, check_ray, check_store, check_serve)
