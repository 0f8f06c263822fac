"""`medley deploy`: tells a Prefect server of work pool, deployments, schedules and triggers, as `medley up` does."""

from __future__ import annotations

import argparse

from flows.services.addresses import prefect_url, require_reachable
from flows.services.environment import prepare_environment
from medley.errors import SetupError
from medley.settings import load_settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `medley deploy`."""
    text = "runs of which nothing is heard become Crashed: for workers on other machines"
    parser.add_argument("--heartbeats", action="store_true", help=text)


def run(arguments: argparse.Namespace) -> int:
    """Tells a Prefect server of Medley's deployments: for a server of the user's own, the one at PREFECT_API_URL."""
    settings = load_settings()
    prepare_environment(settings)
    url = prefect_url(settings)
    if not url:
        raise SetupError("no Prefect server is named or up", remedy="Set PREFECT_API_URL, or use: medley up")
    require_reachable(url, "PREFECT_API_URL")
    from flows.up.prefect_deployments import (  # Prefect reads its environment when it is imported
        deploy_all,
        expect_heartbeats,
    )

    deploy_all(settings)
    if arguments.heartbeats:
        expect_heartbeats(url)
    print(f"{url.removesuffix('/api')} has Medley's deployments.")
    return 0
