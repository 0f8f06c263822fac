"""The program `medley`: a command is called by the fork server of the standing installation, else in this process."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from flows.warm.client import call_warm

#: Those that start, end or judge the installation are processes of their own.
_NOT_WARM = frozenset({"up", "down", "doctor", "watch", "deploy", "models", "", "--version"})


def entry() -> None:
    """Runs the command line as the console script `medley`, and exits with the command's status."""
    sys.exit(main(sys.argv[1:]))


def main(argv: Sequence[str]) -> int:
    """Runs a verb, in a fork of the fork server where that is possible. See flows.commands.cli for the verbs."""
    if not argv or argv[0] not in _NOT_WARM:
        status = call_warm(f"{__name__}:cold", list(argv))
        if status is not None:
            return status
    return cold(argv)


def cold(argv: Sequence[str]) -> int:
    """Runs a verb in this process."""
    from flows.commands import cli

    return cli.main(argv)
