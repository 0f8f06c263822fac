"""Keeps the state true while the installation stands: runs whose process is gone are closed, old ones forgotten.

`python -m flows.up.reconciler`, under supervisord.
"""

from __future__ import annotations

import sys
import time

import httpx

from flows.services.addresses import register
from flows.services.environment import prepare_environment
from flows.services.log import log_to_stderr, logger
from flows.services.signals import stop_on_signals
from medley.catalog import Catalog, open_catalog
from medley.catalog.retention import forget_old_runs
from medley.settings import Settings, load_settings
from medley.system.stop import STOP

_EVERY_S, _DAY_S = 15.0, 86400.0
_TICK_S = 0.5
#: A process that the worker has just started is not there yet, one that has just ended tells its end itself.
_ROUNDS_GONE = 2


def main() -> int:
    """Closes runs whose process is gone and forgets old runs, again and again until SIGTERM."""
    settings = load_settings()
    log_to_stderr(settings.log_format)
    prepare_environment(settings)
    catalog = open_catalog(settings)
    register("reconciler", "", settings)
    gone: dict[str, int] = {}
    next_day = 0.0
    with stop_on_signals():
        while not STOP.is_set():
            if time.monotonic() >= next_day:
                next_day = time.monotonic() + _DAY_S
                logger.info("forgot %d old runs", forget_old_runs(catalog, settings))
            try:
                gone = take_care(settings, catalog, gone)
            except httpx.HTTPError as error:
                logger.warning("Prefect's server does not answer: %s", error or type(error).__name__)
            deadline = time.monotonic() + _EVERY_S
            while time.monotonic() < deadline and not STOP.is_set():
                time.sleep(_TICK_S)
    return 0


def take_care(settings: Settings, catalog: Catalog, gone: dict[str, int]) -> dict[str, int]:
    """Does one round, and returns for how many rounds each flow run without a process has been seen so.

    Raises httpx.HTTPError.
    """
    from flows.services.reconcile import close_in_prefect, crash_flow_run, running_flow_runs
    from flows.up.installation import flow_processes
    from flows.up.prefect_deployments import WORK_POOL

    catalog.crash_dead_runs()
    close_in_prefect(catalog)
    living = flow_processes(settings)
    counted = {run_id: gone.get(run_id, 0) + 1 for run_id in running_flow_runs(WORK_POOL) if run_id not in living}
    for run_id, rounds in counted.items():
        if rounds >= _ROUNDS_GONE:
            logger.warning("flow run %s has lost its process", run_id)
            crash_flow_run(run_id)
    return counted


if __name__ == "__main__":
    sys.exit(main())
