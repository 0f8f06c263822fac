"""Prefect's process worker, which starts flow runs by the fork server.

`python -m flows.up.prefect_worker ARGUMENT...`. The arguments are those of `prefect`.
A pool or deployment with a command of its own keeps that.
"""

from __future__ import annotations

import runpy
import sys
from typing import Any

from prefect.utilities.processutils import command_to_string
from prefect.workers.process import ProcessJobConfiguration, ProcessWorker

#: Begins in a process that has imported everything already, or becomes `prefect.engine` where there is none.
_COMMAND = command_to_string([sys.executable, "-P", "-m", "flows.warm.flow_run"])


class _Configuration(ProcessJobConfiguration):
    def prepare_for_flow_run(self, *args: Any, **kwargs: Any) -> None:
        self.command = self.command or _COMMAND
        super().prepare_for_flow_run(*args, **kwargs)


if __name__ == "__main__":
    ProcessWorker.job_configuration = _Configuration
    runpy.run_module("prefect", run_name="__main__", alter_sys=True)
