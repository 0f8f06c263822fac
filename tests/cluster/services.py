"""The services of a cluster, which can be killed and started again on the same port: Prefect, Milvus."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx
import psutil

from flows.services.shared import free_port
from tests.conftest import eventually
from tests.milvus_server import PROGRAM, answers


class Service:
    """A program that answers when it is ready."""

    def __init__(self, command: Sequence[str], env: dict[str, str], log: Path, ready: Callable[[], bool]) -> None:
        self._command, self._env, self._log, self._ready = list(command), env, log, ready
        self.start()

    def start(self) -> None:
        """Returns when it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, env=self._env, stdout=log, stderr=log, start_new_session=True
            )
        eventually(lambda: self._process.poll() is not None or self._ready(), 120)
        assert self._process.poll() is None, self._log.read_text()[-2000:]

    def kill(self) -> None:
        """Ends it with its children, as a crash would."""
        family = [*psutil.Process(self._process.pid).children(recursive=True), psutil.Process(self._process.pid)]
        for process in family:
            process.send_signal(signal.SIGKILL)
        psutil.wait_procs(family, timeout=20)
        self._process.wait()


class Prefect(Service):
    """Prefect's server at `url`, on a database file of its own."""

    def __init__(self, address: str, directory: Path) -> None:
        port = free_port()
        self.url = f"http://{address}:{port}/api"
        env = {**os.environ, "PREFECT_HOME": str(directory / "prefect"), "PREFECT_SERVER_ANALYTICS_ENABLED": "0"}
        program = str(Path(sys.executable).with_name("prefect"))
        command = [program, "server", "start", "--no-ui", "--host", address, "--port", str(port)]
        super().__init__(command, env, directory / "prefect.log", self._answers)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health", timeout=2).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False


class Milvus(Service):
    """A Milvus server at `uri`."""

    def __init__(self, address: str, directory: Path) -> None:
        port = free_port()
        self.uri = f"http://{address}:{port}"
        command = [str(PROGRAM), "--data", str(directory / "milvus"), "--proxy-port", str(port)]
        super().__init__(command, dict(os.environ), directory / "milvus.log", lambda: answers(self.uri))
