"""The service on a cluster: replicas of Ray Serve behind one port. `serve deploy deployments/serve.yaml`.

Needs `pip install medley-media[rayserve]` on each node, MEDLEY_TOKEN, and what nodes share: see docs/cluster.md.
"""

from __future__ import annotations

from fastapi import FastAPI
from ray import serve

from flows.serve.app import application
from flows.services.environment import prepare_environment
from medley.errors import SetupError
from medley.settings import load_settings


def build() -> FastAPI:
    """Builds the application of one replica. Raises SetupError where replicas would have different secrets."""
    settings = load_settings()
    if settings.token is None:
        raise SetupError("MEDLEY_TOKEN is not set", remedy="Set it for all replicas: see deployments/serve.yaml")
    prepare_environment(settings)
    return application(settings, settings.token.get_secret_value())


@serve.deployment
@serve.ingress(build)
class MedleyService:
    """Page, API and tools for agents."""


app = MedleyService.bind()  # type: ignore[attr-defined]  # what the decorator makes of it
