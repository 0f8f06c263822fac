"""What the pools are doing, as metrics of Ray: Prometheus reads them where it reads those of the cluster."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ray.util.metrics import Gauge

_OF_A_POOL = {
    "waiting": "Items that wait for the model.",
    "calls": "Calls without an answer yet.",
    "batches": "Batches that the model has ended.",
    "items": "Items that the model has ended.",
    "batch": "Mean number of items of a batch.",
    "limit": "Items of a batch at most, as the memory of the device allows.",
    "restarts": "Processes of the model that have died.",
    "quarantined": "Items that were given up because processes died over them alone.",
    "out_of_memory": "Batches that did not fit into the memory of the device.",
}
_OF_A_REPLICA = {
    "busy": "Share of its time that a process of the model works, since its first batch.",
    "rss_mb": "Memory of the process in MB.",
    "gpu_mb": "Largest memory of the GPU that the process has needed, in MB.",
}


class Metrics:
    """One gauge for each fact; `tell` sets them."""

    def __init__(self) -> None:
        self._pools = {name: Gauge(f"medley_pool_{name}", text, ("model",)) for name, text in _OF_A_POOL.items()}
        self._replicas = Gauge("medley_pool_replicas", "Processes of the model that take work.", ("model",))
        self._seconds = Gauge("medley_pool_item_seconds", "Mean seconds of an item.", ("model", "method"))
        tags = ("model", "node", "pid")
        self._each = {name: Gauge(f"medley_replica_{name}", text, tags) for name, text in _OF_A_REPLICA.items()}

    def tell(self, states: Iterable[dict[str, Any]]) -> None:
        """Sets the gauges to what the states of the pools say."""
        for state in states:
            model = {"model": state["model"]}
            for name, gauge in self._pools.items():
                gauge.set(float(state[name]), model)
            self._replicas.set(float(sum(replica["ready"] for replica in state["replicas"])), model)
            for method, seconds in state["item_s"].items():
                self._seconds.set(float(seconds), {**model, "method": method})
            for replica in state["replicas"]:
                tags = {**model, "node": replica["node"], "pid": str(replica["pid"])}
                for name, gauge in self._each.items():
                    gauge.set(float(replica[name] or 0.0), tags)
