"""`python -m flows.warm.flow_run`: what the worker of the standing installation starts for a flow run of Prefect.

The run is named in the environment, as for `python -m prefect.engine`, which is what runs in the end.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Sequence

from flows.warm.client import call_warm


def engine(argv: Sequence[str]) -> int:
    """Prefect's engine; it ends the process with a status of its own."""
    sys.argv = ["prefect.engine"]
    sys.modules.pop("prefect.engine", None)  # else runpy warns of it
    runpy.run_module("prefect.engine", run_name="__main__", alter_sys=True)
    return 0


if __name__ == "__main__":
    found = call_warm("flows.warm.flow_run:engine", [])
    sys.exit(engine([]) if found is None else found)
