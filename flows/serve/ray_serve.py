"""The service on a cluster: replicas of Ray Serve behind one port. `serve deploy deployments/serve.yaml`.

Needs `pip install medley-media[rayserve]` on each node, MEDLEY_TOKEN, and what nodes share: see docs/cluster.md.
"""

from __future__ import annotations

import contextlib
from typing import Any

from fastapi import FastAPI
from ray import serve

from flows.serve.app import application, running
from flows.services.environment import prepare_environment
from medley.errors import SetupError
from medley.settings import Settings, load_settings


def build() -> FastAPI:
    """Builds the application of one replica. Raises SetupError where replicas would have different secrets."""
    settings, secret = _settings()
    return application(settings, secret, tells=False)


def _settings() -> tuple[Settings, str]:
    settings = load_settings()
    if not settings.token:
        raise SetupError("MEDLEY_TOKEN is not set", remedy="Set it for all replicas: see deployments/serve.yaml")
    prepare_environment(settings)
    return settings, settings.token.get_secret_value()


@serve.deployment
class MedleyWebhooks:
    """Posts what has ended: one process, for receivers are told once however many replicas there are."""

    async def __init__(self) -> None:  # type: ignore[misc]  # Ray Serve awaits it
        self._held = contextlib.AsyncExitStack()
        await self._held.enter_async_context(running(*_settings(), tells=True))

    async def __del__(self) -> None:
        await self._held.aclose()


@serve.deployment
@serve.ingress(build)
class MedleyService:
    """Page, API and tools for agents."""

    def __init__(self, webhooks: Any) -> None:
        self._webhooks = webhooks  # deployed with this one


app = MedleyService.bind(MedleyWebhooks.bind())  # type: ignore[attr-defined]  # what the decorator makes of it
