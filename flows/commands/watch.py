"""`medley watch`: files that land in an upload folder are noted in the catalog; one event starts the run for many."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

from flows.services.addresses import STANDING, register
from flows.services.environment import prepare_environment
from flows.services.log import log_to_stderr, logger
from flows.services.signals import exit_code, stop_on_signals
from flows.uploads.bucket import Bucket
from flows.uploads.folder import Folder
from medley.catalog import open_catalog
from medley.catalog.uploads import Uploads
from medley.errors import SetupError
from medley.settings import Settings, load_settings
from medley.sources.urls import is_url, without_password
from medley.system.stop import STOP

_TICK_S = 0.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `medley watch`."""
    parser.add_argument(
        "sources",
        nargs="*",
        type=without_password,
        metavar="FOLDER|URL",
        help="default: the upload folder of `medley up`",
    )
    parser.add_argument("--after", choices=("keep", "move", "delete"), help="what becomes of a file that is done")


def run(arguments: argparse.Namespace) -> int:
    """Watches the sources until Ctrl-C or SIGTERM."""
    settings = load_settings()
    sources = [_absolute(source) for source in arguments.sources] or [settings.upload_source]
    for source in sources:
        if not is_url(source) and not Path(source).is_dir():
            raise SetupError(f"{source} is no directory", remedy="Make it, or give another one")
    log_to_stderr(settings.log_format)
    prepare_environment(settings)
    with stop_on_signals():
        watch(sources, arguments.after or settings.up.after, settings)
    return 0 if exit_code() == 143 else exit_code() or 0  # SIGTERM is how supervisors end it


def _absolute(source: str) -> str:
    return source if is_url(source) else str(Path(source).expanduser().absolute())


def watch(sources: list[str], after: str, settings: Settings) -> None:
    """Notes what lands in `sources`, and rings for it."""
    from flows.uploads.notifier import UploadNotifier  # Prefect reads its environment when it is imported

    catalog = open_catalog(settings)
    uploads = Uploads(catalog.engine)
    uploads.wake()
    watched = [
        Bucket(source, after, uploads) if is_url(source) else Folder(Path(source), after, uploads) for source in sources
    ]
    notifier = UploadNotifier(sources[0], catalog, uploads, settings)
    if os.environ.get(STANDING) == str(settings.home):  # not where somebody watches another folder beside it
        register("watch", sources[0], settings)
    logger.info("watching %s", ", ".join(sources))
    try:
        while not STOP.is_set():
            now = time.monotonic()
            notifier.landed(sum(source.look(now) for source in watched))
            notifier.emit_if_due(now)
            time.sleep(_TICK_S)
    finally:
        for source in watched:
            source.close()
