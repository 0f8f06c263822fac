"""Engine, claims, catalog, artifacts and stages as they are, under a seeded scheduler: kills at every step.

In the manner of FoundationDB's and TigerBeetle's simulations. Real: the engine's window, items, outcomes and claims,
the catalog on SQLite, artifacts on a disk, stages, `verify`. Simulated: processes, threads, time, Prefect's tasks,
models, the store. The same seed is the same story.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import socket
import sqlite3
import types
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

from sqlalchemy import create_engine, select
from sqlalchemy.pool import StaticPool

from flows.engine import ledger, window
from flows.engine import replaced as replaced_module
from flows.engine import run as run_module
from medley import generations
from medley import run as medley_run
from medley.artifacts import ArtifactStore
from medley.catalog import Catalog, alive, open_catalog
from medley.catalog import catalog as catalog_module
from medley.catalog.tables import claims, outcomes, runs
from medley.dag.registry import pipeline_at
from medley.dag.stage import Stage
from medley.errors import CapacityError, MedleyError, TransientError
from medley.records import store_slot
from medley.run import StoreAddress
from medley.settings import load_settings
from medley.stores import patience
from medley.system import points
from medley.types import AssetBatch
from medley.verify import Verifier
from tasks.run_stage import run_stage
from tests.chaos.sim_engine import SimAhead, SimFuture, SimState
from tests.chaos.sim_pipeline import SimOptions, simulated, texts_of
from tests.chaos.sim_world import Process, Queue, SimPool, SimStore, World

_ADDRESS = StoreAddress("sim://", "simulated")
_KILL, _MOST_KILLS = 0.01, 4
_OPTIONS = tuple(
    SimOptions.model_validate({"profile": "demo", "most": most, "letters": letters})
    for most, letters in ((1, True), (2, False), (9, True))
)
_WORDS = ("ash", "birch", "cedar", "elm", "fir", "hazel", "larch", "maple", "oak", "pine", "rowan", "yew")


#: One catalog in memory, filled anew for each story: compiling its statements again would take most of the time.
_ENGINE = create_engine("sqlite://", poolclass=StaticPool)


class Simulation:
    """One story: some files, processes that work on them, kills and faults, and one more run at the end."""

    def __init__(self, seed: int, directory: Path, template: Path) -> None:
        pipeline_at(simulated.reference)  # known by its name from now on
        self.world = World(seed)
        self.home, self.files = directory / "home", directory / "in"
        self.files.mkdir(parents=True)
        self.home.mkdir()
        self.settings = load_settings().model_copy(update={"home": self.home, "runner": "local", "window": 2})
        self.catalog = Catalog(_ENGINE)
        with _ENGINE.connect() as connection:
            raw: Any = connection.connection.driver_connection
            raw.deserialize(template.read_bytes())
        self.again: list[str] = []
        self._make_files()

    def _make_files(self) -> None:
        for n in range(self.world.rng.randrange(2, 6)):
            self._make_file(n, 0)

    def _make_file(self, number: int, version: int) -> None:
        rng, path = self.world.rng, self.files / f"{number}.txt"
        words = [f"{rng.choice(_WORDS)}{number}v{version}" for _ in range(rng.randrange(1, 5))]
        path.write_text(f"simulated {' '.join(words + ['bad'] * (rng.random() < 0.15))}")
        os.utime(path, (1e9, 1e9 + 100 * version + number))

    def user(self) -> None:
        """Somebody who changes files meanwhile."""
        for version in range(1, self.world.rng.randrange(1, 4)):
            for _ in range(self.world.rng.randrange(200)):
                self.world.pause()
            self._make_file(self.world.rng.randrange(len(self.paths)), version)

    @property
    def paths(self) -> list[str]:
        """The files, in their order."""
        return sorted(map(str, self.files.iterdir()))

    def program(self, options: SimOptions) -> list[dict[str, Any]]:
        """What one process does: a run over all files, from its first line in the catalog to its last."""
        entries: list[dict[str, Any]] = []
        with run_module.open_run(simulated, options, self.settings) as context:
            context.run = replace(context.run, store=_ADDRESS)
            if context.anything_to_do(self.paths):
                window.Window(context, len(self.paths)).run(context.identify(self.paths))
            else:
                context.enter_known()
            entries += context.report.items()
        return entries

    def submit(self, assets: AssetBatch, run: Any, without: Sequence[str] = ()) -> dict[str, SimFuture]:
        """In the place of `submit_stages`: each task is a thread of its process."""
        futures: dict[str, SimFuture] = {}
        for stage in (stage for stage in run.dag.values() if stage.name not in without):
            futures[stage.name] = SimFuture()
            sources = [assets if name is None else futures[name] for name in stage.inputs]
            self.world.thread(lambda stage=stage, sources=sources: self._task(stage, sources, futures[stage.name], run))  # type: ignore[misc]
        return futures

    def _task(self, stage: Stage, sources: list[Any], future: SimFuture, run: Any) -> None:
        while any(isinstance(one, SimFuture) and one.state is None for one in sources):
            self.world.pause()
        done = [one.state.result() if isinstance(one, SimFuture) else one for one in sources]
        if not all(isinstance(one, AssetBatch) for one in done):
            future.end(SimState(None, "never"))
            return
        for left in reversed(range(stage.retries + 1)):
            self.world.pause()
            try:
                future.end(SimState(run_stage(stage, done, run).data))
                return
            except (TransientError, CapacityError) as error:
                if not left:
                    future.end(SimState(error, "failed"))
                self.world.sleep(2.0)
            except MedleyError as error:
                future.end(SimState(error, "failed"))
                return

    def play(self) -> list[str]:
        """Plays the story, and returns what must not be."""
        rng, world = self.world.rng, self.world
        with self._patched():
            world.start(self.user, "user")
            for _ in range(rng.randrange(1, 4)):
                self._begin(rng.choice(("one", "one", "two")))
            world.run(_KILL, _MOST_KILLS, lambda process: self._begin(process.host))
            world.faults, world.clock = False, world.clock + 1000
            found, options = list[dict[str, Any]](), rng.choice(_OPTIONS)
            world.start(lambda: found.extend(self.program(options)), "one")
            world.run(0.0, 0, lambda process: None)
            return [*self._wrong_items(found), *self._wrong_rows(options), *self._wrong_state(), *self.again]

    def _begin(self, host: str) -> Process:
        """A process of that host, with options of its own."""
        options = self.world.rng.choice(_OPTIONS)
        return self.world.start(lambda: self.program(options), host)

    def _wrong_items(self, found: list[dict[str, Any]]) -> list[str]:
        paths = Counter(item["path"] for item in found)
        wrong = [f"{path} has {paths[path]} entries" for path in self.paths if paths[path] != 1]
        for item in found:
            good = bool(texts_of(Path(item["path"]).read_text()))
            if (item["status"] in ("complete", "unchanged")) != good:
                wrong.append(f"{item['path']} is {item['status']}: {item['error']}")
        return wrong

    def _wrong_rows(self, options: SimOptions) -> list[str]:
        there = Counter((kept[4].modality, kept[4].text) for rows in self.world.rows.values() for kept in rows.values())
        wanted: Counter[tuple[str, str]] = Counter()
        for content in {Path(path).read_text() for path in self.paths}:
            for modality, words in texts_of(content, options).items():
                wanted.update((modality, word) for word in words)
        return [] if there == wanted else [f"lost {wanted - there}, too many {there - wanted}"]

    def _wrong_state(self) -> list[str]:
        with self.catalog.engine.connect() as connection:
            running = list(connection.execute(select(runs.c.run_id).where(runs.c.status == "running")))
            begun = list(connection.execute(select(outcomes.c.asset_id).where(outcomes.c.status == "running")))
            held = list(connection.execute(select(claims.c.asset_id)))
        wrong = [
            f"{len(each)} {what}" for each, what in ((running, "runs"), (begun, "files"), (held, "claims")) if each
        ]
        artifacts = ArtifactStore(self.home / "artifacts")
        checked = Verifier(self.catalog, artifacts, SimStore(self.world), _ADDRESS.key, None).check()
        return [
            *(f"{what} are held for ever" for what in wrong),
            *(f"verify: {fault.what}" for fault in checked.faults),
        ]

    def _watched(self, store: ArtifactStore, keys: Any, run_id: str) -> Any:
        """In the place of `create_all`: what is whole must not be made again."""
        for asset_id, stage, fingerprint in keys:
            if fingerprint != store_slot(_ADDRESS.key) and store.find(asset_id, stage, fingerprint):
                self.again.append(f"{stage} of {asset_id[:6]} is done again")
        return _CREATE_ALL(store, keys, run_id)

    @contextlib.contextmanager
    def _patched(self) -> Iterator[None]:
        """Puts the world in the place of processes, time, tasks, models and store."""
        world, log = self.world, logging.getLogger("medley")
        with contextlib.ExitStack() as patches:
            patches.callback(log.handlers.__setitem__, slice(None), list(log.handlers))  # not those of killed runs
            for target, name, value in (*self._processes(), *self._services()):
                patches.enter_context(mock.patch.object(target, name, value))
            patches.enter_context(mock.patch.object(medley_run, "_pools", [lambda spec, context: SimPool(world)]))
            patches.enter_context(mock.patch.object(points, "HOOKS", [lambda point: world.pause()]))
            yield

    def _processes(self) -> Iterator[tuple[Any, str, Any]]:
        """Whose process it is, on which machine, and whether it lives."""
        world, real = self.world, os.getpid
        lives = lambda pid, since: any(one.pid == pid and one.alive and one.runnable for one in world.processes)  # noqa: E731
        yield os, "getpid", lambda: world.current.pid if world.current else real()
        yield socket, "gethostname", lambda: world.current.host if world.current else "one"
        yield catalog_module, "born", lambda pid: 1.0
        for module in (catalog_module, alive):
            yield module, "lives", lives
            yield module, "now", lambda engine: world.wall_clock

    def _services(self) -> Iterator[tuple[Any, str, Any]]:
        """Tasks, time, the store, and the catalog's steps."""
        world = self.world
        timed = types.SimpleNamespace(monotonic=lambda: world.clock, sleep=world.sleep)
        queues = types.SimpleNamespace(SimpleQueue=lambda: Queue(world, queue.Empty), Empty=queue.Empty)
        yield window, "queue", queues
        yield window, "ItemsAhead", SimAhead
        yield window, "submit_stages", self.submit
        yield window, "time", timed
        yield patience, "time", timed
        yield patience, "open_store", lambda address: SimStore(world)
        for module in (run_module, generations):
            yield module, "open_catalog", lambda settings: self.catalog
        yield replaced_module, "vector_store", lambda settings: contextlib.nullcontext(_ADDRESS)
        yield ledger, "claims_kept", self._claims_kept
        yield Catalog, "_write", self._write
        yield ArtifactStore, "create_all", _in_place_of(self._watched)

    def _write(self, *statements: Any) -> Any:
        """In the place of `Catalog._write`: whole or not at all, and a process may end before and after."""
        self.world.pause()
        done = _WRITE(self.catalog, *statements)
        self.world.pause()
        return done

    @contextlib.contextmanager
    def _claims_kept(self, catalog: Catalog, run_id: str) -> Iterator[None]:
        """A living process renews its claims, whatever its threads do."""
        process = self.world.current
        renew = lambda: process and process.alive and _WRITE(catalog, *_renewed(run_id, self.world.wall_clock))  # noqa: E731
        self.world.every.append(renew)
        yield
        self.world.every.remove(renew)


def _in_place_of(method: Any) -> Any:
    """A function, which as an attribute of a class is told whose it is; a method of ours would not be."""

    def call(*given: Any) -> Any:
        return method(*given)

    return call


def _renewed(run_id: str, at: float) -> tuple[Any, Any]:
    kept = claims.update().where(claims.c.run_id == run_id).values(expires=at + catalog_module.CLAIM_S)
    return kept, runs.update().where(runs.c.run_id == run_id).values(seen=at)


_WRITE, _CREATE_ALL = Catalog._write, ArtifactStore.create_all


def template(directory: Path) -> Path:
    """A catalog with nothing in it, which each story copies."""
    settings = load_settings().model_copy(update={"home": directory})
    settings.run_dir.mkdir(parents=True, exist_ok=True)
    open_catalog(settings).engine.dispose()
    with contextlib.closing(sqlite3.connect(directory / "catalog.db")) as made:
        made.execute("PRAGMA journal_mode=DELETE")  # a database in memory has no log beside it
    return directory / "catalog.db"
