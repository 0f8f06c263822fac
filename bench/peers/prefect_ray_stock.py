"""Prefect with prefect-ray's own task runner, as its documentation shows it."""

from __future__ import annotations

import logging
import os
from typing import Any

from bench.peers import stages
from bench.peers.prefect_threads import PrefectThreads


class PrefectRay(PrefectThreads):
    """One server, one cluster."""

    def _make_runner(self) -> Any:
        import ray
        from prefect_ray import RayTaskRunner

        env = {name: value for name, value in os.environ.items() if name.startswith(("PREFECT_", "BENCH_"))}
        quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False, "include_dashboard": False}
        ray.init(address="local", num_cpus=2, namespace="prefect", runtime_env={"env_vars": env}, **quiet)
        return RayTaskRunner()

    def close(self) -> None:
        """Ends the cluster as well."""
        import ray

        ray.shutdown()
        super().close()


if __name__ == "__main__":
    stages.main(PrefectRay)
