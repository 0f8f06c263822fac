"""`medley up`: the standing installation on this machine; `medley down` ends it."""

from __future__ import annotations

import argparse
import time

from flows.commands.console import PlainConsole
from flows.commands.serve import page_link
from flows.serve.client import token as serve_token
from flows.services.addresses import prefect_url, running
from flows.services.environment import password_file
from flows.services.prefect_server import UNLOCK
from flows.services.signals import exit_code, stop_on_signals
from flows.up.exposure import require_secrets
from flows.up.installation import start, stop, supervisor_pid, wait_until_ready, with_known_ports
from medley.errors import Cancelled, SetupError
from medley.settings import Settings, load_settings
from medley.system.stop import STOP


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `medley up`."""
    parser.add_argument("--detach", action="store_true", help="go back to the shell when everything is up")


def run(arguments: argparse.Namespace) -> int:
    """Starts everything, says where it is, and without --detach stays until Ctrl-C."""
    settings = load_settings()
    require_secrets(settings)
    if supervisor_pid(settings):
        _tell(settings, "Medley is up already.")
        return 0
    with stop_on_signals():
        try:
            _start(settings)
            if arguments.detach:
                return 0
            while supervisor_pid(settings) and not STOP.is_set():
                time.sleep(0.5)
        except SetupError:
            stop(settings)
            raise
        except Cancelled:  # Ctrl-C while it started
            pass
        stop(settings)
    return exit_code() or 0


def _start(settings: Settings) -> None:
    console = PlainConsole(stderr=True)
    with console.status("starting") as status:
        chosen = start(settings, status.update)
        from flows.up.prefect_deployments import deploy_all  # Prefect reads its environment when it is imported

        wait_until_ready(chosen, status.update)
        status.update("telling Prefect of the deployments")
        deploy_all(chosen)
    _tell(settings, "Medley is up.")


def _pages(settings: Settings) -> str:
    """Where Prefect's pages are; of our own server the link that gives a browser the password."""
    pages = (prefect_url(settings) or "").removesuffix("/api")
    if not running("prefect", settings):
        return pages
    return f"{pages}{UNLOCK}#{password_file(settings).read_text()}  (once in each browser; it holds the password)"


def _tell(settings: Settings, first: str) -> None:
    console = PlainConsole(soft_wrap=True)
    console.print(first)
    console.print(f"  Prefect   {_pages(settings)}")
    if running("ray", settings):
        up = with_known_ports(settings).up
        token = settings.run_dir / "ray.token"
        console.print(f"  Ray       http://{up.host}:{up.dashboard_port}  (asks for the token in {token})")
    console.print(f"  Uploads   {settings.upload_source}  (files dropped there become searchable)")
    if url := running("serve", settings):
        console.print(f"  Page      {page_link(url, serve_token(settings))}")
    console.print('  Search    medley search "..."')
    console.print("  Check     medley doctor")
    console.print("  End       medley down")
