"""A time in which the store on this machine does not run, for work on its files."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Callable, Iterator

from flows.services.addresses import UP, address
from flows.services.shared import milvus_service, ours_alone
from medley.settings import Settings


@contextlib.contextmanager
def store_paused(settings: Settings, say: Callable[[str], None]) -> Iterator[None]:
    """Milvus Lite is ended for the block. Under `medley up` it is started again, and whoever writes waits for it.

    Without, commands that use it are waited for: `say` is told so. Raises Cancelled.
    """
    up = address(UP, settings)
    if up and "milvus" in up["parts"]:
        from flows.up.installation import supervisor

        with _no_writer(settings), supervisor(settings) as control:
            control.stopProcess("milvus")
            try:
                yield
            finally:
                control.startProcess("milvus")
        return
    told: set[str] = set()
    with ours_alone([milvus_service(settings)], settings, lambda name: _once(told, name, say)):
        yield


def _once(told: set[str], name: str, say: Callable[[str], None]) -> None:
    if name not in told:
        told.add(name)
        say(f"waiting for commands that still use {name}")


@contextlib.contextmanager
def _no_writer(settings: Settings) -> Iterator[None]:
    with (settings.run_dir / "milvus.write").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
