"""`medley serve`: page, API and agents' tools of this home on one port, until Ctrl-C."""

from __future__ import annotations

import argparse

from flows.commands.console import PlainConsole
from flows.services.addresses import running
from flows.services.environment import prepare_environment
from medley.errors import SetupError
from medley.settings import Settings, load_settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `medley serve`."""
    parser.add_argument("--host", metavar="ADDRESS", help="default: MEDLEY_SERVE__HOST, else 127.0.0.1")
    parser.add_argument("--port", type=int, metavar="N", help="default: MEDLEY_SERVE__PORT, else 8480")


def run(arguments: argparse.Namespace) -> int:
    """Serves until Ctrl-C or SIGTERM. Raises SetupError where the port cannot be had or the service is up already."""
    settings = _with_flags(load_settings(), arguments)
    if url := running("serve", settings):
        raise SetupError(f"the service of this home is up already at {url}", remedy="Open its page, or: medley down")
    prepare_environment(settings)
    from flows.serve.server import secret_of, serve

    where = f"http://{settings.serve.host}:{settings.serve.port}"
    PlainConsole(stderr=True).print(f"Medley's page: {page_link(where, secret_of(settings))}", soft_wrap=True)
    return serve(settings)


def page_link(url: str, secret: str) -> str:
    """Builds the link that gives a browser the secret."""
    return f"{url}/login#{secret}  (once in each browser; it holds the secret)"


def _with_flags(settings: Settings, arguments: argparse.Namespace) -> Settings:
    given = {name: value for name in ("host", "port") if (value := getattr(arguments, name)) is not None}
    if not given:
        return settings
    return settings.model_copy(update={"serve": settings.serve.model_copy(update=given)})
