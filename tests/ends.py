"""How a run over ten videos can be ended from outside, and what must be true then and after the next run."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from prefect import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Cancelling
from sqlalchemy import select

from flows.chaos.faults import can_mount, fill_disk
from flows.services.addresses import prefect_url
from medley.catalog import open_catalog
from medley.catalog.tables import runs
from medley.settings import load_settings
from tests.conftest import eventually
from tests.traces import pids_of

Process = subprocess.Popen[str]


@dataclass(frozen=True)
class End:
    """One way. `strike` is called in the middle of the run; `codes` are the exit statuses that are right then."""

    name: str
    strike: Callable[[Process, Path], None]
    codes: tuple[int, ...]
    runner: str = "local"
    report: bool = True  #: whether the command can still print its report
    ended: str = "cancelled"  #: what the catalog calls the run
    small_disk: bool = False  #: whether the home is on a disk of its own


def signalled(*numbers: signal.Signals) -> Callable[[Process, Path], None]:
    """Signals to the command, a moment apart."""

    def strike(process: Process, home: Path) -> None:
        for n, number in enumerate(numbers):
            if n:
                _moment(process)
            process.send_signal(number)

    return strike


def cancelled_in_the_ui(process: Process, home: Path) -> None:
    """As Prefect's UI does it."""
    with open_catalog(load_settings()).engine.connect() as connection:
        flow_run = connection.execute(select(runs.c.prefect_run_id)).scalar_one()
    url = prefect_url(load_settings())
    with temporary_settings({PREFECT_API_URL: url}), get_client(sync_client=True) as client:
        client.set_flow_run_state(flow_run, Cancelling(), force=True)


def killed(words: str) -> Callable[[Process, Path], None]:
    """SIGKILL to the process of this home whose command line holds `words`."""

    def strike(process: Process, home: Path) -> None:
        os.kill(eventually(lambda: pids_of(home, words), 60)[0], signal.SIGKILL)

    return strike


def disk_filled(process: Process, home: Path) -> None:
    """Another program takes all that is left."""
    fill_disk(home)


def _moment(process: Process) -> None:
    try:
        process.wait(0.5)
    except subprocess.TimeoutExpired:
        return


SIGNALS = (
    End("ctrl_c", signalled(signal.SIGINT), (130,)),
    End("ctrl_c_twice", signalled(signal.SIGINT, signal.SIGINT), (130,)),
    End("ctrl_c_on_ray", signalled(signal.SIGINT), (130,), runner="ray"),
    End("ctrl_c_twice_on_ray", signalled(signal.SIGINT, signal.SIGINT), (130,), runner="ray"),
    End("terminate", signalled(signal.SIGTERM), (143,)),
    End("terminate_on_ray", signalled(signal.SIGTERM), (143,), runner="ray"),
    End("terminal_closed", signalled(signal.SIGHUP), (129,), report=False),
    End("kill", signalled(signal.SIGKILL), (-9,), report=False, ended="crashed"),
    End("kill_on_ray", signalled(signal.SIGKILL), (-9,), runner="ray", report=False, ended="crashed"),
)
ACCIDENTS = (
    End("cancelled_in_the_ui", cancelled_in_the_ui, (1,)),
    End("cancelled_in_the_ui_on_ray", cancelled_in_the_ui, (1,), runner="ray"),
    End("ray_worker_killed", killed("ray::"), (0,), runner="ray", ended="complete"),
    End("store_killed", killed("lite_server"), (0,), ended="complete"),
    End("store_killed_on_ray", killed("lite_server"), (0,), runner="ray", ended="complete"),
    End("prefect_killed", killed("prefect server"), (0,), ended="complete"),
    End("prefect_killed_on_ray", killed("prefect server"), (0,), runner="ray", ended="complete"),
    *(
        [
            End("disk_full", disk_filled, (1,), small_disk=True),
            End("disk_full_on_ray", disk_filled, (1,), "ray", small_disk=True),
        ]
        if can_mount()
        else []
    ),
    End("raylet_killed", killed("raylet/raylet"), (1,), runner="ray"),
    End("head_of_ray_killed", killed("gcs/gcs_server"), (1,), runner="ray"),
)
