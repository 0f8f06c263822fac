"""A Prefect server of a peer's own, as everybody starts it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator


@contextlib.contextmanager
def prefect_server() -> Iterator[str]:
    """A server, for as long as the block runs; this process's settings point to it. To be entered before Prefect is
    imported.
    """
    with tempfile.TemporaryDirectory() as home, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        url = f"http://127.0.0.1:{port}/api"
        os.environ.update(PREFECT_HOME=home, PREFECT_API_URL=url, PREFECT_LOGGING_LEVEL="WARNING", DO_NOT_TRACK="1")
        command = [sys.executable, "-m", "prefect", "server", "start", "--port", str(port)]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while True:
                try:
                    urllib.request.urlopen(f"{url}/health", timeout=1).close()  # noqa: S310  # our own
                    break
                except OSError:
                    time.sleep(0.1)
            yield url
        finally:
            server.terminate()
            server.wait()
