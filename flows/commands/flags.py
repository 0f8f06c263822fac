"""Command line flags made from an options class, so that form, flags and documentation are one thing."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from enum import Enum
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from medley.dag.pipeline import Pipeline
from medley.dag.registry import pipeline_named
from medley.errors import SetupError

Options = TypeVar("Options", bound=BaseModel)


def add_option_flags(parser: argparse.ArgumentParser, options: type[BaseModel]) -> None:
    """Adds one flag for each field of the options: `--profile`, `--speech.language`, `--frames.interval_s` ..."""
    group = parser.add_argument_group("options")
    for name, field in _leaves(options):
        default = "" if field.default in (None, ()) else f" Default: {_plain(field.default)}."
        help_text = f"{field.description or ''}{default}".replace("%", "%%")
        group.add_argument(f"--{name}", dest=name, metavar=_metavar(field), help=help_text)


def read_option_flags(arguments: argparse.Namespace, options: type[Options]) -> Options:
    """Builds the options that the flags say; raises SetupError naming the flag that is wrong."""
    values: dict[str, Any] = {}
    for name, _ in _leaves(options):
        given = getattr(arguments, name)
        if given is not None:
            *groups, leaf = name.split(".")
            target = values
            for group in groups:
                target = target.setdefault(group, {})
            target[leaf] = given
    try:
        return options.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        flag = "--" + ".".join(str(part) for part in first["loc"])
        raise SetupError(f"{flag} {first['input']}: {first['msg']}", remedy="See --help") from None


def given_options(arguments: argparse.Namespace, options: BaseModel) -> dict[str, Any]:
    """Lists the options that the flags say, by dotted name, as JSON has them; `options` are those that were read."""
    plain, found = options.model_dump(mode="json"), dict[str, Any]()
    for name, _ in _leaves(type(options)):
        if getattr(arguments, name) is not None:
            value: Any = plain
            for part in name.split("."):
                value = value[part]
            found[name] = value
    return found


def _leaves(options: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    for name, field in options.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _leaves(field.annotation, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field


def _metavar(field: FieldInfo) -> str:
    kind: Any = field.annotation
    if isinstance(kind, UnionType):
        kind = next(part for part in get_args(kind) if part is not type(None))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "|".join(str(member.value) for member in kind)
    if get_origin(kind) is tuple:
        return "TEXT,..."
    return {int: "N", float: "X"}.get(kind, "TEXT")


def _plain(value: Any) -> str:
    return str(value.value) if isinstance(value, Enum) else str(value)


def pipeline_in(argv: Sequence[str]) -> Pipeline | None:
    """Finds the pipeline that `--pipeline` names, before the other flags are known. Raises PipelineError."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--pipeline")
    name = parser.parse_known_args(list(argv))[0].pipeline
    return pipeline_named(name) if name else None


def add_pipeline_flag(parser: argparse.ArgumentParser, pipeline: Pipeline | None) -> None:
    """Adds `--pipeline`, the flag that gives all files to one pipeline."""
    text = "give all files to this pipeline: a name (see medley pipelines), or module:name"
    parser.add_argument("--pipeline", metavar="NAME", help=text)
    parser.set_defaults(chosen=pipeline)
