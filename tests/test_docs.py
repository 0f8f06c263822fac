"""Documentation that fails the build: commands parse, links lead somewhere, every setting is named."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path

import pytest

from flows.commands import files as _command
from flows.commands.cli import module_of
from medley.dag.registry import names
from medley.settings import (
    CaptionerSettings,
    EmbedderSettings,
    Limits,
    PoolSettings,
    RaySettings,
    Settings,
    StoreSettings,
    UpSettings,
)
from tests.conftest import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def commands() -> list[str]:
    """Every `medley ...` line of the README's console blocks."""
    blocks = re.findall(r"```console\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.startswith("medley ")]


@pytest.mark.parametrize("line", commands())
def test_readme_commands_parse(line: str) -> None:
    _, verb, *arguments = shlex.split(line)
    parser = argparse.ArgumentParser(exit_on_error=False)
    if verb in names():
        _command.add_arguments(parser, verb)  # type: ignore[arg-type]
    else:
        module_of(verb).add_arguments(parser)
    parser.parse_args(arguments)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_every_setting_is_documented() -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    example = (ROOT / "deployments" / "env.example").read_text()
    slices = {"STORE": StoreSettings, "RAY": RaySettings, "POOLS": PoolSettings, "LIMITS": Limits, "UP": UpSettings}
    slices |= {"EMBEDDER": EmbedderSettings, "CAPTIONER": CaptionerSettings}
    names = [f"MEDLEY_{name.upper()}" for name in Settings.model_fields if name.upper() not in slices]
    names += [f"MEDLEY_{part}__{name.upper()}" for part, cls in slices.items() for name in cls.model_fields]
    assert [name for name in names if f"`{name}`" not in text] == []
    assert [name for name in names if f"\n#{name}=" not in example and "FAULTS" not in name] == []
