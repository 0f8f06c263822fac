"""A Ray cluster of three machines, with Prefect, Postgres and a Milvus server on the first; the driver has no CPU."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from flows.services.shared import free_port
from medley.settings import load_settings
from tests.cluster.network import Machine, network, refused
from tests.conftest import ROOT, eventually
from tests.milvus_server import milvus_server

_TOKEN = "a token of this test's cluster, for nobody else"


@dataclass
class Node:
    """A Ray node on a machine."""

    machine: Machine
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        """Ends everything of the node at once, as a lost machine would."""
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in [*psutil.Process(self.process.pid).children(recursive=True), self.process]:
                with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
                    child.send_signal(signal.SIGKILL)
        self.process.wait()


@dataclass
class Cluster:
    """Machines, nodes, and the environment of commands that use them."""

    machines: list[Machine]
    head: str
    env: dict[str, str]
    nodes: list[Node] = field(default_factory=list)

    def start(self, machine: Machine, *options: str) -> Node:
        """Starts a Ray node."""
        program = str(Path(sys.executable).with_name("ray"))
        options = ("--block", "--disable-usage-stats", f"--node-ip-address={machine.address}", *options)
        command = machine.command(program, "start", "--object-store-memory=100000000", *options)
        process = subprocess.Popen(command, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        node = Node(machine, process)
        self.nodes.append(node)
        return node

    def join(self, machine: Machine, cpus: int = 1) -> Node:
        """Starts a worker node."""
        return self.start(machine, f"--address={self.head}", f"--num-cpus={cpus}")

    def wait_for(self, count: int) -> None:
        """Waits until so many nodes are there."""
        program = f"from flows.services.ray_cluster import living_nodes; print(len(living_nodes({self.head!r})))"

        def there() -> bool:
            asked = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=self.env)
            return asked.stdout.strip() == str(count)

        eventually(there, 120)

    def medley(self, *arguments: object, home: Path, timeout: float = 240) -> dict[str, Any]:
        """Runs a command on the driver's machine; its report, and its exit status as `exit`."""
        done = subprocess.run(
            [sys.executable, "-m", "medley", *map(str, arguments), "--json"],
            env={**self.env, "MEDLEY_HOME": str(home)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        assert done.stdout, done.stderr[-3000:]
        report: Any = json.loads(done.stdout)
        return {**report, "exit": done.returncode, "stderr": done.stderr} if isinstance(report, dict) else report

    def end(self) -> None:
        """Ends all nodes."""
        for node in self.nodes:
            node.kill()


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The cluster; skipped where this machine gives no network namespaces."""
    if why := refused():
        pytest.skip(why)
    directory = tmp_path_factory.mktemp("cluster")
    with network(2) as machines, contextlib.ExitStack() as services:
        address = machines[0].address
        head = f"{address}:{free_port()}"
        env = {**os.environ, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": _TOKEN, "MEDLEY_RAY__ADDRESS": head}
        env |= {"MEDLEY_PROFILE": "demo", "PREFECT_API_URL": services.enter_context(_prefect(address, directory))}
        store = services.enter_context(milvus_server(directory))
        env["MEDLEY_STORE__URI"] = store.replace("127.0.0.1", address)
        made = Cluster(machines, head, env)
        services.callback(made.end)
        made.start(
            machines[0], "--head", f"--port={head.rpartition(':')[2]}", "--num-cpus=0", "--include-dashboard=false"
        )
        made.wait_for(1)
        for count, machine in enumerate(machines[1:], 2):
            made.join(machine)
            made.wait_for(count)  # two at the same time on one file system take each other's sockets
        yield made


@contextlib.contextmanager
def _prefect(address: str, directory: Path) -> Iterator[str]:
    """A Prefect server that all machines reach."""
    port = free_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDLEY_HOME", str(directory / "prefect"))
        load_settings()
        env = {
            **os.environ,
            "PREFECT_HOME": str(directory / "prefect" / "prefect"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "0",
        }
    program = [str(Path(sys.executable).with_name("prefect")), "server", "start", "--no-ui"]
    server = subprocess.Popen(
        [*program, "--host", address, "--port", str(port)],
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://{address}:{port}/api"
        eventually(lambda: _answers(url), 90)
        yield url
    finally:
        for child in [*psutil.Process(server.pid).children(recursive=True), server]:
            child.kill()
        server.wait()


def _answers(url: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"{url}/health", timeout=2).status_code == 200
    return False
