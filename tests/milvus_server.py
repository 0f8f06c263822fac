"""A Milvus server of version 2.3.5: the real program, from the PyPI package `milvus`. It knows dense vectors only."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

from flows.services.shared import free_port
from medley.errors import MedleyError
from medley.run import StoreAddress
from medley.stores.connect import open_store
from tests.conftest import eventually

PROGRAM = Path(sys.executable).with_name("milvus-server")


@contextlib.contextmanager
def milvus_server(directory: Path) -> Iterator[str]:
    """Its URI; ended, with its children, at the end of the block."""
    port = free_port()
    log = (directory / "milvus.log").open("wb")
    command = [str(PROGRAM), "--data", str(directory / "data"), "--proxy-port", str(port)]
    server = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        uri = f"http://127.0.0.1:{port}"
        eventually(lambda: server.poll() is not None or answers(uri), 120)
        assert server.poll() is None, (directory / "milvus.log").read_text()[-2000:]
        yield uri
    finally:
        _end(server)
        log.close()


def answers(uri: str) -> bool:
    """Tells whether the server at `uri` takes requests."""
    try:
        store = open_store(StoreAddress(uri, uri))
        store.collections()
        store.close()
    except MedleyError:
        return False
    return True


def _end(server: subprocess.Popen[bytes]) -> None:
    """The program that we started is a wrapper: killed, it would leave the server itself running."""
    children = psutil.Process(server.pid).children(recursive=True) if server.poll() is None else []
    server.send_signal(signal.SIGTERM)
    _, alive = psutil.wait_procs(children, timeout=3)
    for process in alive:
        process.kill()
    server.kill()
    server.wait()
