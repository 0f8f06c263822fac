"""`medley pools`: which models a cluster keeps, where, and how busy they are."""

from __future__ import annotations

import argparse
import json
from typing import Any

from flows.services.addresses import ray_cluster
from flows.services.environment import prepare_environment
from medley.errors import SetupError
from medley.settings import load_settings

_TROUBLES = ("restarts", "quarantined", "out_of_memory")
_MEMORY = {"rss_mb": "", "gpu_mb": " of the GPU"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `medley pools`."""
    parser.add_argument("--json", action="store_true", help="the same as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Prints a line for each model and one for each of its processes. Raises SetupError, ServiceUnreachable."""
    settings = load_settings()
    prepare_environment(settings)
    if not ray_cluster(settings):
        remedy = "Start the standing installation (medley up), or set RAY_ADDRESS"
        raise SetupError("no Ray cluster is known here: models of a single command end with it", remedy=remedy)
    from actors.overview import pool_states  # Ray takes a second to import
    from flows.services.ray_start import start_ray, stop_ray

    start_ray(settings)
    try:
        found = pool_states()
    finally:
        stop_ray()
    print(json.dumps(found, indent=2) if arguments.json else "\n".join(_lines(found)))
    return 0


def _lines(found: list[dict[str, Any]]) -> list[str]:
    if not found:
        return ["No model has been loaded."]
    lines = []
    for pool in found:
        troubles = [
            f"{pool[name]} {name.replace('_', ' ')}"
            for name in ("restarts", "quarantined", "out_of_memory")
            if pool[name]
        ]
        told = [f"{pool['items']} items in {pool['batches']} batches", f"{pool['waiting']} wait", *troubles]
        rates = [f"{method} {_seconds(each)} an item" for method, each in pool["item_s"].items() if method != "ready"]
        lines.append(f"{pool['model']}: {', '.join([*told, *rates])}")
        lines += [_line(replica) for replica in pool["replicas"]]
    return lines


def _line(replica: dict[str, Any]) -> str:
    if not replica["ready"]:
        return f"  {'is being loaded, or ends' if replica['placed'] else 'waits for a place'}"
    memory = [f"{replica[name]:,} MB{what}" for name, what in _MEMORY.items() if replica[name]]
    busy = f"busy {replica['busy']:.0%}" if replica["batches"] else "not asked yet"
    return "  " + ", ".join([f"{replica['node']} ({replica['device']}), process {replica['pid']}", busy, *memory])


def _seconds(value: float) -> str:
    return f"{value:.1f} s" if value >= 1 else f"{value * 1000:.1f} ms"
