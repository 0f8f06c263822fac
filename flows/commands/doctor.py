"""`medley doctor`: every part and every pitfall that bites users, each with its remedy."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from rich.markup import escape

from flows.commands.console import PlainConsole, print_json
from flows.services.environment import prepare_environment
from flows.up.checks.examine import examine
from flows.up.checks.finding import Line
from medley.settings import load_settings

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `medley doctor`."""
    parser.add_argument("--json", action="store_true", help="the lines as JSON on stdout")


def run(arguments: argparse.Namespace) -> int:
    """Prints a line for each check; exit status 1 where one fails."""
    settings = load_settings()
    prepare_environment(settings)
    lines = []
    console = PlainConsole()
    for line in examine(settings):
        lines.append(line)
        if not arguments.json:
            _show(line, console)
    if arguments.json:
        print_json({"checks": [asdict(line) for line in lines]})
    return 1 if any(line.state == "fail" for line in lines) else 0


def _show(line: Line, console: PlainConsole) -> None:
    console.print(f"[{_COLOURS[line.state]}]{line.state:>4}[/]  {line.name:<10}  {escape(line.what)}", soft_wrap=True)
    if line.remedy:
        console.print(f"                  [dim]{escape(line.remedy)}[/]", soft_wrap=True)
