"""`medley chaos PATH... --yes`: whether an ingest of these files outlasts whatever may happen to it here."""

from __future__ import annotations

import argparse
import contextlib
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path

from flows.chaos.faults import Fault, can_mount, faults, standing_faults
from flows.chaos.rounds import Round, Rounds
from flows.commands.console import print_json, print_note
from medley.errors import MissingFile, SetupError
from medley.plain import native_name


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `medley chaos`."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help="files and folders that each round ingests")
    parser.add_argument("--yes", action="store_true", help="do it: processes of the rounds' own are killed, no others")
    parser.add_argument("--rounds", type=int, default=10, metavar="N", help="how many (default: 10)")
    parser.add_argument(
        "--seed", type=int, default=1, metavar="N", help="of the first round; the next one's is one more"
    )
    parser.add_argument(
        "--standing", action="store_true", help="the files land in the folder of a standing installation that is struck"
    )
    parser.add_argument("--only", default="", metavar="WORDS", help="only faults whose names hold this: 'raylet'")
    parser.add_argument("--json", action="store_true", help="print the rounds as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Plays the rounds; exit status 1 where one of them broke something."""
    every = standing_faults() if arguments.standing else faults(disks=can_mount())
    known = [fault for fault in every if arguments.only in fault.name]
    if not known:
        raise SetupError(f"no fault is called {arguments.only}", remedy="medley chaos PATH lists them")
    files = [str(Path(native_name(path)).expanduser().absolute()) for path in arguments.paths]
    for file in files:
        if not Path(file).exists():
            raise MissingFile("is not there", file=file, remedy="Give files or folders of yours")
    if not arguments.yes:
        print("\n".join(fault.name for fault in known))
        print_note(
            "Nothing was done. With --yes these faults happen to runs in a home of their own; your index stays as it is"
        )
        return 2
    directory = Path(tempfile.mkdtemp(prefix="medley-chaos-"))
    with contextlib.closing(Rounds(files, directory)) as rounds:
        played = _played(rounds, arguments, known)
    if arguments.json:
        print_json({"rounds": [asdict(one) for one in played]})
    broken = [one for one in played if one.broken]
    if broken:
        print_note(f"{len(broken)} of {len(played)} rounds broke something; their homes are in {directory}")
    else:
        shutil.rmtree(directory, ignore_errors=True)
    return 1 if broken else 0


def _played(rounds: Rounds, arguments: argparse.Namespace, known: list[Fault]) -> list[Round]:
    """Plays the rounds, and tells of each of them as it ends."""
    print_note("a run that nothing disturbs, to compare with")
    rounds.prepare()
    played = []
    for seed in range(arguments.seed, arguments.seed + arguments.rounds):
        done = rounds.play(seed, known)
        played.append(done)
        how = "; ".join(done.broken) if done.broken else "fine"
        print_note(f"seed {seed}: {done.fault} after {done.at} of {done.of} artifacts: {how} ({done.seconds:.0f} s)")
    return played
