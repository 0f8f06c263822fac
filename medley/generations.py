"""Which generation of the index a process works with, what the generation is called in stores, and its options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import BaseModel

from medley.catalog import Catalog, open_catalog
from medley.catalog.generations import Generation, all_generations, current_generation, generation_named
from medley.options import ModelChoice
from medley.run import StoreAddress
from medley.settings import Settings

Choice = TypeVar("Choice", bound=ModelChoice)


def generation_in_use(settings: Settings) -> Generation:
    """Returns the generation of MEDLEY_STORE__GENERATION, else the current one. Raises SetupError."""
    engine = open_catalog(settings).engine
    named = settings.store.generation
    return generation_named(engine, named) if named else current_generation(engine)


def store_key(settings: Settings, generation: Generation | None = None) -> str:
    """Names the store and the generation in write manifests."""
    return _key(settings.store_key, generation or generation_in_use(settings))


def _key(store: str, generation: Generation) -> str:
    return f"{store}#{generation.suffix}" if generation.suffix else store


def every_address(address: StoreAddress, catalog: Catalog) -> list[StoreAddress]:
    """Lists the addresses of all generations in the store at `address`: what is to go has to go from each."""
    return [address_of(address, generation) for generation in all_generations(catalog.engine)]


def address_of(address: StoreAddress, generation: Generation) -> StoreAddress:
    """Returns the address of a generation in the same store."""
    store = address.key.removesuffix(f"#{address.generation}") if address.generation else address.key
    return replace(address, key=_key(store, generation), generation=generation.suffix)


def with_standing(options: Choice, generation: Generation) -> Choice:
    """Returns `options` with those of the generation where they say nothing else than the default."""
    wanted = dict(generation.options or {})
    known = {name: value for name, value in wanted.items() if has_option(type(options), name)}
    if not known:
        return options
    standing = type(options).model_validate(nested(known))
    filled: Choice = _filled(options, standing, [name.split(".") for name in known])
    return filled


def nested(leaves: Mapping[str, Any]) -> dict[str, Any]:
    """Arranges options by their dotted names as their class takes them."""
    made: dict[str, Any] = {}
    for name, value in leaves.items():
        *groups, last = name.split(".")
        within = made
        for group in groups:
            within = within.setdefault(group, {})
        within[last] = value
    return made


def has_option(options: type[BaseModel], name: str) -> bool:
    """Says whether a class of options has the one of that dotted name."""
    first, _, rest = name.partition(".")
    field = options.model_fields.get(first)
    if field is None or not rest:
        return field is not None
    inner = field.annotation
    return isinstance(inner, type) and issubclass(inner, BaseModel) and has_option(inner, rest)


def _filled(options: Any, standing: Any, paths: list[list[str]]) -> Any:
    """A copy in which what is at its default comes from `standing`."""
    changed: dict[str, Any] = {}
    for name in {path[0] for path in paths}:
        deeper = [path[1:] for path in paths if path[0] == name and len(path) > 1]
        own, other = getattr(options, name), getattr(standing, name)
        if deeper:
            changed[name] = _filled(own, other, deeper)
        elif own == type(options).model_fields[name].get_default(call_default_factory=True):
            changed[name] = other
    return options.model_copy(update=changed)
