"""A Ray cluster of three machines; Prefect, PostgreSQL, Milvus and a bucket on the first; the driver has no CPU."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from moto.server import ThreadedMotoServer

from flows.services.shared import free_port
from tests.cluster.network import Machine, network, refused
from tests.cluster.services import Milvus, Prefect
from tests.conftest import PREFECT_PASSWORD, ROOT, eventually
from tests.postgres_server import PostgresServer

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
    """Machines, nodes and services. `disk` is a directory that each machine has for itself."""

    machines: list[Machine]
    head: str
    directory: Path
    nodes: list[Node] = field(default_factory=list)
    prefect: Any = None
    milvus: Any = None
    postgres: Any = None
    bucket: Any = None

    @property
    def disk(self) -> Path:
        """A directory that each machine has for itself."""
        return self.directory / "disk"

    @property
    def env(self) -> dict[str, str]:
        """Of nodes, and of commands that use the cluster."""
        host, port = self.bucket.get_host_and_port()
        return {
            **os.environ,
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": _TOKEN,
            "MEDLEY_RAY__ADDRESS": self.head,
            "MEDLEY_PROFILE": "demo",
            "MEDLEY_STORE__URI": self.milvus.uri,
            "PREFECT_API_URL": self.prefect.url,
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
        }

    @property
    def apart(self) -> dict[str, str]:
        """For machines that share no disk: artifacts in a bucket, the catalog on PostgreSQL."""
        return {"MEDLEY_ARTIFACTS": "s3://media/kept", "MEDLEY_CATALOG_URL": self.postgres.url}

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

    def medley(self, *arguments: object, home: Path, timeout: float = 240, **env: str) -> dict[str, Any]:
        """Runs a command on the driver's machine; its report, and its exit status as `exit`."""
        done = self.run(*arguments, home=home, timeout=timeout, **env)
        assert done.stdout, done.stderr[-3000:]
        report: Any = json.loads(done.stdout)
        return {**report, "exit": done.returncode, "stderr": done.stderr} if isinstance(report, dict) else report

    def run(self, *arguments: object, home: Path, timeout: float = 240, **env: str) -> subprocess.CompletedProcess[str]:
        """Runs a command on the driver's machine."""
        return subprocess.run(
            [sys.executable, "-m", "medley", *map(str, arguments), "--json"],
            env={**self.env, **env, "MEDLEY_HOME": str(home)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def drain(self, machine: Machine) -> None:
        """Tells Ray that a machine leaves in two minutes."""
        program = (
            "import ray; "
            f"ray.init({self.head!r}, log_to_driver=False); "
            "alive = [node for node in ray.nodes() if node['Alive']]; "
            f"print(next(node['NodeID'] for node in alive if node['NodeManagerAddress'] == {machine.address!r}))"
        )
        asked = subprocess.run(
            [sys.executable, "-c", program], env=self.env, capture_output=True, text=True, check=True
        )
        node, reason = asked.stdout.split()[-1], "DRAIN_NODE_REASON_PREEMPTION"
        command = [str(Path(sys.executable).with_name("ray")), "drain-node", "--address", self.head, "--node-id", node]
        command += ["--reason", reason, "--reason-message", "told to go", "--deadline-remaining-seconds", "120"]
        subprocess.run(command, env=self.env, check=True, capture_output=True)

    def logged(self, words: str) -> list[str]:
        """The newest lines that tasks have logged in Prefect, as far as `words` are in them."""
        wanted = {"sort": "TIMESTAMP_DESC", "limit": 200}
        user, _, password = PREFECT_PASSWORD.partition(":")
        found = httpx.post(f"{self.prefect.url}/logs/filter", json=wanted, auth=(user, password)).json()
        return [line["message"] for line in found if words in line["message"]]

    def kept(self, prefix: str = "") -> list[str]:
        """Names of the objects in the bucket."""
        found = httpx.get(f"{self.env['AWS_ENDPOINT_URL']}/media?list-type=2&prefix={prefix}").text
        return re.findall(r"<Key>([^<]*)</Key>", found)

    def end(self) -> None:
        """Ends all nodes and services."""
        for node in self.nodes:
            node.kill()
        for ended in (self.prefect and self.prefect.kill, self.milvus and self.milvus.kill):
            if ended:
                ended()
        if self.postgres:
            self.postgres.stop()
        if self.bucket:
            self.bucket.stop()


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The cluster; skipped where this machine gives no network namespaces."""
    if why := refused():
        pytest.skip(why)
    directory = Path(tempfile.mkdtemp(prefix="medley-cluster-"))  # short: sockets are in it
    with network(2, directory / "disk") as machines, contextlib.ExitStack() as exits:
        address = machines[0].address
        made = Cluster(machines, f"{address}:{free_port()}", directory)
        exits.callback(made.end)
        made.prefect, made.milvus = Prefect(address, directory), Milvus(address, directory)
        (directory / "pg").mkdir()
        made.postgres = PostgresServer(directory / "pg", address, free_port())
        made.bucket = ThreadedMotoServer(ip_address=address, port=0, verbose=False)
        made.bucket.start()
        assert httpx.put(f"{made.env['AWS_ENDPOINT_URL']}/media").status_code == httpx.codes.OK
        made.start(
            machines[0], "--head", f"--port={made.head.rpartition(':')[2]}", "--num-cpus=0", "--include-dashboard=false"
        )
        made.wait_for(1)
        for count, machine in enumerate(machines[1:], 2):
            made.join(machine)
            made.wait_for(count)  # two at the same time on one file system take each other's sockets
        yield made
    shutil.rmtree(directory, ignore_errors=True)
