"""Going over to another generation of the index: what it costs, what it lacks, and taking one away."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from flows.engine.plan import new_run
from flows.engine.routing import ChildJob, in_child_runs
from flows.services.shared import vector_store
from medley.catalog import Catalog
from medley.catalog.generations import Generation, drop
from medley.dag.pipeline import Pipeline
from medley.dag.registry import pipeline_named
from medley.generations import address_of, store_key
from medley.migration import Group, Lacking, as_groups, groups_of, lacking, options_in, sampled
from medley.options import FileOptions
from medley.planning import stages_to_run
from medley.pricing import Price, Prices
from medley.records import store_slot
from medley.run import TaskContext
from medley.settings import Settings
from medley.stores.connect import open_store
from medley.system.stop import STOP
from medley.types import Asset

_SAMPLE = 300
_POLL_S = 0.5


def settings_for(settings: Settings, generation: Generation) -> Settings:
    """Returns the settings of a process that works with that generation."""
    return settings.model_copy(update={"store": settings.store.model_copy(update={"generation": generation.name})})


@dataclass(slots=True)
class Cost:
    """What a migration takes: files with something to do, seconds by stage; stages that never ran here."""

    files: int = 0
    seconds: dict[str, Price] = field(default_factory=dict)
    never_run: set[str] = field(default_factory=set)

    @property
    def whole(self) -> Price:
        """All stages together."""
        return sum(self.seconds.values(), Price())


@dataclass(frozen=True, slots=True)
class Migration:
    """From one generation of the index to another."""

    catalog: Catalog
    settings: Settings
    target: Generation
    other: Generation

    def options(self, pipeline: Pipeline, plan: str) -> FileOptions:
        """Returns the options of files that were last worked on by that plan."""
        return options_in(pipeline, plan, self.catalog.engine, self.target, self.other)

    def groups(self) -> list[Group]:
        """Lists the files of a candidate, all; of the current generation those that came into the other meanwhile."""
        if self.target.state != "candidate":
            return as_groups(self.lacks())
        artifacts, slot = self.settings.artifact_store, store_slot(store_key(self.settings, self.other))
        return groups_of(self.catalog.engine, lambda asset_id: bool(artifacts.stages(asset_id, slot)))

    def lacks(self) -> list[Lacking]:
        """Lists the files of which the target lacks records that the other one has."""
        keys = (store_key(self.settings, self.target), store_key(self.settings, self.other))
        return list(lacking(self.catalog.engine, self.settings.artifact_store, keys, self.target, self.other))

    def cost(self, groups: list[Group]) -> Cost:
        """Estimates what is to do, by some hundred files."""
        picked, each = sampled(groups, _SAMPLE)
        prices, cost, files = Prices(self.catalog.engine), Cost(), 0
        for group in picked:
            pipeline = pipeline_named(group.flow)
            options, settings = self.options(pipeline, group.plan), settings_for(self.settings, self.target)
            context = new_run(pipeline, options, settings, force=False)
            for path, asset_id in group.files.items():
                stages = self._stages(path, asset_id, context)
                files += bool(stages)
                for stage, price in self._priced(stages, asset_id, context, prices):
                    if price is None:
                        cost.never_run.add(stage)
                    else:
                        cost.seconds[stage] = cost.seconds.get(stage, Price()) + price
        cost.files = round(files * each)
        cost.seconds = {stage: price.times(each) for stage, price in cost.seconds.items()}
        return cost

    def _stages(self, path: str, asset_id: str, context: TaskContext) -> list[str]:
        asset = self._asset(asset_id)
        return stages_to_run(asset, context) if asset else list(context.fingerprints)

    def _priced(
        self, stages: Iterable[str], asset_id: str, context: TaskContext, prices: Prices
    ) -> Iterator[tuple[str, Price | None]]:
        asset = self._asset(asset_id)
        for stage in stages:
            price = prices.of(context.flow, stage, context.fingerprints[stage], asset) if asset else None
            yield stage, price

    def _asset(self, asset_id: str) -> Asset | None:
        """As it was when it was seen last; None where it was never opened by this version."""
        media, path = self.catalog.media(asset_id), self.catalog.newest_locations([asset_id]).get(asset_id, "")
        known = self.catalog.location(path)
        where = path if path.startswith("/") else f"/{asset_id}"
        return Asset(asset_id, where, (known.size_bytes if known else None) or 0, media) if media else None

    def wait_for_runs(self, waiting: Callable[[int], object]) -> None:
        """Waits until the runs of now have ended, which write into the generation that they began with."""
        before = self.catalog.running_runs()
        while (left := before & self.catalog.running_runs()) and not STOP.is_set():
            waiting(len(left))
            self.catalog.crash_dead_runs()
            time.sleep(_POLL_S)

    def take_away(self) -> int:
        """Removes the target, which is not the current generation; returns of how many assets it had records."""
        with vector_store(settings_for(self.settings, self.other)) as address:
            gone = address_of(address, self.target)
            artifacts, slot, count = self.settings.artifact_store, store_slot(gone.key), 0
            for asset_id in artifacts.assets():
                stages = artifacts.stages(asset_id, slot)
                count += bool(stages)
                for stage in stages:
                    artifacts.remove(asset_id, stage, slot)
            with contextlib.closing(open_store(gone)) as store:
                store.drop()
        drop(self.catalog.engine, self.target.name)
        return count


def jobs_of(groups: Iterable[Group]) -> Iterator[ChildJob]:
    """Yields the files of groups in the batches of their pipelines; no batch has files of two groups."""
    for group in groups:
        yield from in_child_runs(group.flow, group.files)
