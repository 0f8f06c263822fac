"""One Prefect server and one Ray cluster for the whole session; a home of its own for each test."""

from __future__ import annotations

import json
import os
import random
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

#: Prefect reads these once, when it is imported: servers of all homes that tests use ask for the same password.
PREFECT_PASSWORD = "medley:of-the-tests"
os.environ.update({"PREFECT_SERVER_API_AUTH_STRING": PREFECT_PASSWORD, "PREFECT_API_AUTH_STRING": PREFECT_PASSWORD})

import httpx
import pytest
from moto.server import ThreadedMotoServer

from flows.commands.cli import main
from flows.services import reaper as _reaper
from flows.services import signals as _signals
from flows.services.environment import prepare_environment
from flows.services.shared import prefect_server, vector_store
from medley.run import StoreAddress
from medley.settings import Settings, load_settings
from medley.sources import buckets
from medley.stores.connect import open_store
from medley.system import stop
from tests.schedule import pytest_collection_modifyitems, pytest_xdist_make_scheduler  # noqa: F401  # hooks
from tests.world.truth import VideoTruth

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "samples" / "sample.mp4"
RAY_TOKEN = secrets.token_hex(32)
RAY_MARK = secrets.token_hex(16)  # everything that the session's Ray starts inherits it, and so can be ended


@dataclass
class Answer:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        """Its stdout as JSON."""
        found: dict[str, Any] = json.loads(self.out)
        return found


Medley = Callable[..., Answer]
Row = TypeVar("Row")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Slow tables run whole on demand only."""
    parser.addoption("--whole", action="store_true", help="slow tables whole, not a seeded part of them")
    parser.addoption("--table-seed", type=int, default=588, help="which part")


def part_of(table: Sequence[Row], config: pytest.Config, share: int = 3) -> list[Row]:
    """One in `share` of a slow table, in its order, drawn by the seed; all of it with --whole."""
    if config.getoption("--whole"):
        return list(table)
    drawn = random.Random(config.getoption("--table-seed")).sample(range(len(table)), -(-len(table) // share))
    return [row for n, row in enumerate(table) if n in drawn]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test marked `table` gets a case of its module's TABLE at a time."""
    if mark := metafunc.definition.get_closest_marker("table"):
        table = part_of(metafunc.module.TABLE, metafunc.config, **mark.kwargs)
        metafunc.parametrize("case", table, ids=[case.name for case in table])


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """An empty MEDLEY_HOME, the demo profile, no services named but the store of tests that take `medley`."""
    of_medley = "medley" in request.fixturenames
    store = request.getfixturevalue("store_uri") if of_medley else ""  # first: the session's services
    if "prefect_url" in request.fixturenames:  # have homes of their own
        request.getfixturevalue("prefect_url")
    for name in [name for name in os.environ if name.startswith(("MEDLEY_", "PREFECT_", "RAY_"))]:
        if not name.endswith("API_AUTH_STRING"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("MEDLEY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MEDLEY_PROFILE", "demo")
    if of_medley:
        monkeypatch.setenv("MEDLEY_STORE__URI", store)
    return tmp_path / "home"


@pytest.fixture(scope="session")
def lite_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The session's Milvus Lite: starting one takes longer than most tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDLEY_HOME", str(tmp_path_factory.mktemp("store")))
        with vector_store(load_settings()) as address:
            yield address.uri


@pytest.fixture
def store_uri(lite_uri: str) -> str:
    """That store, emptied."""
    store: Any = open_store(StoreAddress(lite_uri, lite_uri))
    for collection in store.collections():
        store._client.drop_collection(collection.name)
    store.close()
    return lite_uri


@pytest.fixture
def settings(home: Path) -> Settings:
    """The settings of that home."""
    return load_settings()


@pytest.fixture(autouse=True)
def _nothing_stopped() -> Iterator[None]:
    """A stop that a test asks for ends with it: the next test of this process may be any other."""
    stop.clear_stop()
    yield
    stop.clear_stop()


@pytest.fixture(scope="session")
def prefect_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The session's Prefect server."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDLEY_HOME", str(tmp_path_factory.mktemp("prefect")))
        settings = load_settings()
        prepare_environment(settings)
        with prefect_server(settings) as url:
            yield url


@pytest.fixture
def medley_here(home: Path, prefect_url: str, capsys: pytest.CaptureFixture[str]) -> Medley:
    """Runs a command in this process (models stay loaded between tests), tasks in threads."""

    def call(*arguments: object) -> Answer:
        stop.clear_stop()
        _signals.received.clear()
        capsys.readouterr()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PREFECT_API_URL", os.environ.get("PREFECT_API_URL", prefect_url))
            patch.setenv("MEDLEY_RUNNER", os.environ.get("MEDLEY_RUNNER", "local"))
            code = main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return Answer(code, printed.out, printed.err)

    return call


@pytest.fixture
def medley(medley_here: Medley, monkeypatch: pytest.MonkeyPatch, prefect_url: str) -> Medley:
    """The same, with the session's store."""
    monkeypatch.setenv("PREFECT_API_URL", prefect_url)
    monkeypatch.setenv("MEDLEY_RUNNER", "local")
    return medley_here


def command(verb: str, *arguments: object) -> list[str]:
    """The command line of a verb in a process of its own."""
    return [sys.executable, "-m", f"flows.{verb}", *map(str, arguments)]


@pytest.fixture
def medley_process(home: Path) -> Medley:
    """Runs a command as people do: in a process of its own."""

    def call(verb: str, *arguments: object) -> Answer:
        done = subprocess.run(command(verb, *arguments), capture_output=True, text=True, timeout=240, cwd=ROOT)
        return Answer(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture(scope="session")
def ray_address() -> Iterator[str]:
    """The session's Ray cluster: two CPUs, and one GPU that is only declared."""
    port = _free_port()
    env = {
        **os.environ,
        _reaper.MARK: RAY_MARK,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": RAY_TOKEN,
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    program = [str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", f"--port={port}"]
    options = ["--num-cpus=2", "--num-gpus=1", "--include-dashboard=false", "--object-store-memory=100000000"]
    head = subprocess.Popen([*program, *options], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for_nodes(f"127.0.0.1:{port}", env)
        yield f"127.0.0.1:{port}"
    finally:
        head.kill()
        head.wait()
        _reaper.kill_marked(RAY_MARK)


@pytest.fixture
def on_ray(ray_address: str, prefect_url: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Commands join the session's cluster and Prefect server."""
    monkeypatch.setenv("MEDLEY_RAY__ADDRESS", ray_address)
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", RAY_TOKEN)
    monkeypatch.setenv("PREFECT_API_URL", prefect_url)
    return ray_address


@pytest.fixture(scope="session")
def bucket_server() -> Iterator[str]:
    """A server that speaks S3."""
    made = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    made.start()
    host, port = made.get_host_and_port()
    yield f"http://{host}:{port}"
    made.stop()


@pytest.fixture
def bucket(bucket_server: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty bucket, s3://media, and the environment that leads there."""
    httpx.post(f"{bucket_server}/moto-api/reset")
    assert httpx.put(f"{bucket_server}/media").status_code == httpx.codes.OK
    for name, value in {
        "AWS_ENDPOINT_URL": bucket_server,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    buckets._bucket.cache_clear()


def put(key: str, content: bytes) -> None:
    """Writes an object into that bucket."""
    buckets._bucket("s3://media").put(key, content)


@pytest.fixture
def sample_truth() -> VideoTruth:
    """What the sample says and shows."""
    return VideoTruth.from_json(SAMPLE.with_suffix(".json").read_text())


def eventually(condition: Callable[[], Any], timeout_s: float = 60.0) -> Any:
    """Waits for a truthy answer; fails with the last one."""
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {timeout_s} s"
        time.sleep(0.1)
    return found


def artifacts_made(home: Path) -> int:
    """Counts the artifacts of a home; of those that have another name by the time they are looked at, none is missed.

    Not by glob: that fails where a directory goes meanwhile.
    """
    return sum("manifest.json" in names for _, _, names in os.walk(home / "artifacts"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for_nodes(address: str, env: dict[str, str]) -> None:
    """The port answers a little before the first node is there."""
    program = f"from flows.services.ray_cluster import cluster_gpus; print(cluster_gpus({address!r}))"

    def answers() -> bool:
        asked = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, env=env)
        return asked.stdout.strip() == "1.0"

    eventually(answers)
