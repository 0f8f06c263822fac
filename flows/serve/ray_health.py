"""Prints how the Ray cluster is, as one line of JSON: `python -m flows.serve.ray_health`."""

from __future__ import annotations

import json
import sys

from flows.services.environment import prepare_environment
from flows.services.ray_start import start_ray, stop_ray
from medley.settings import load_settings


def main() -> int:
    """Joins the cluster of the settings, asks and leaves."""
    settings = load_settings()
    prepare_environment(settings)
    start_ray(settings)
    try:
        from actors.public import health_check

        print(json.dumps(health_check()))
    finally:
        stop_ray()
    return 0


if __name__ == "__main__":
    sys.exit(main())
