"""Parts of the standing installation that are programs of others: Prefect's server and worker, Ray's head, the store.

`python -m flows.up.programs NAME` runs one under supervisord: what an earlier one left behind is ended first, its
address is written when it answers, and it ends with its supervisor. What they need is in the environment: see
installation.py.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flows.services import ray_preload, supervise
from flows.services.reaper import kill_marked
from flows.services.shared import Service, milvus_service, prefect_service, with_port
from flows.services.supervise import is_reachable
from medley.settings import Settings, load_settings

#: Ray's processes carry the home here.
MARK = "MEDLEY_RAY_HEAD"
_NEED_S = 120.0


def prefect(settings: Settings) -> tuple[Service, int]:
    """Prefect's server and its pages."""
    return prefect_service(settings.up.host), settings.up.prefect_port


def milvus(settings: Settings) -> tuple[Service, int]:
    """Returns the service that runs the vector store, and its port."""
    return milvus_service(settings), settings.up.store_port


def ray(settings: Settings) -> tuple[Service, int]:
    """Returns the service that runs the head of a Ray cluster of one node, and its port."""
    program = (str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", "--disable-usage-stats")
    where = (f"--node-ip-address={settings.up.host}", "--port={port}")
    pages = (
        "--include-dashboard=true",
        f"--dashboard-host={settings.up.host}",
        f"--dashboard-port={settings.up.dashboard_port}",
    )
    # any free ports: else Ray keeps 10002 to 19999 for workers, and refuses to start where one of the others is there
    workers = ("--min-worker-port=0", "--max-worker-port=0")
    memory = (f"--object-store-memory={settings.ray.object_store_mb << 20}",)
    size = [f"--num-{kind}={n}" for kind in ("cpus", "gpus") if (n := getattr(settings.ray, f"num_{kind}")) is not None]
    address = f"{settings.up.host}:{{port}}"
    # its own first workers would have another environment than any of ours
    env = (("RAY_preload_python_modules", ray_preload.__name__), ("RAY_prestart_worker_first_driver", "0"))
    command = (*program, *where, *pages, *workers, *memory, *size)
    return Service("ray", command, address, f"tcp://{address}", env), settings.up.ray_port


def worker(settings: Settings) -> tuple[Service, int]:
    """Prefect's worker, which starts a process for each deployed run. It has no port."""
    program = (sys.executable, "-P", "-m", "flows.up.prefect_worker", "worker", "start")
    which = ("--pool", "medley", "--type", "process", "--name", "medley-up")
    # its children are `python -m ...`: what lies where they are started must not come before our packages
    return Service("worker", (*program, *which), "work pool medley", "", (("PYTHONSAFEPATH", "1"),)), 0


PARTS: dict[str, Callable[[Settings], tuple[Service, int]]] = {
    "prefect": prefect,
    "milvus": milvus,
    "ray": ray,
    "worker": worker,
}
_AWAITS_PREFECT = "worker"
_LEAVES_CHILDREN = "ray"  # the head's own children outlive it


def main(name: str) -> int:
    """Runs one part of the installation until the part is told to end, or dies (exit status 1)."""
    settings = load_settings()
    service, port = PARTS[name](settings)
    os.environ.update({variable: with_port(value, port) for variable, value in service.env})
    if name == _AWAITS_PREFECT and not _prefect_answers():
        return 1  # supervisord tries again
    if name != _LEAVES_CHILDREN:
        return supervise.main(_spec(service, port, settings))
    mark = str(settings.home)
    kill_marked(mark, MARK)
    os.environ[MARK] = mark  # for the children: this process keeps the environment that it was started with
    try:
        return supervise.main(_spec(service, port, settings))
    finally:
        kill_marked(mark, MARK)


def _spec(service: Service, port: int, settings: Settings) -> dict[str, Any]:
    return {
        "command": [with_port(part, port) for part in service.command],
        "url": with_port(service.url, port),
        "health": with_port(service.health, port),
        "address_file": str(settings.run_dir / f"{service.name}.json"),
        "standing": True,
    }


def _prefect_answers() -> bool:
    deadline = time.monotonic() + _NEED_S
    while time.monotonic() < deadline:
        if is_reachable(f"{os.environ['PREFECT_API_URL']}/health"):
            return True
        time.sleep(0.2)
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
