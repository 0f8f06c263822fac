"""What may happen to a run: each fault, its victim, and the moment."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from medley.system.points import POINTS, VARIABLE

FILLER = "filler"
_PAUSES_S = (2.0, 8.0)  #: of SIGSTOP
_DISK = "size=1g,nr_inodes=200k"


@dataclass(frozen=True, slots=True)
class Struck:
    """What a fault is done to: the command, and the home that it works in."""

    process: subprocess.Popen[str]
    home: Path
    rng: random.Random


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `strike` does it in the middle of a run; with a `point` the run does it to itself.

    `runner`: "standing" for a fault of an installation that stands; `again`: that is started again then.
    """

    name: str
    strike: Callable[[Struck], None]
    runner: str = "local"
    point: str = ""
    again: bool = False
    disk: bool = False  #: whether the home is to be on a small disk of its own


def running(home: Path) -> dict[int, str]:
    """Returns the command lines of all processes of a home, but for this one, by pid."""
    found = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            mine = process.environ().get("MEDLEY_HOME") == str(home) and process.status() != psutil.STATUS_ZOMBIE
            if mine and process.pid != os.getpid():
                found[process.pid] = " ".join(process.cmdline())
    return found


def _victims(struck: Struck, words: str) -> list[int]:
    """Processes whose command lines hold `words`, without those that only start and watch them; "": the command."""
    if not words:
        return [struck.process.pid]
    lines = running(struck.home).items()
    return sorted(pid for pid, line in lines if words in line and "flows.services.supervise" not in line)


def _killed(words: str) -> Callable[[Struck], None]:
    def strike(struck: Struck) -> None:
        if victims := _victims(struck, words):
            with contextlib.suppress(ProcessLookupError):
                os.kill(struck.rng.choice(victims), signal.SIGKILL)

    return strike


def _paused(words: str) -> Callable[[Struck], None]:
    """Stopped for some seconds, as by a machine that swaps, or a laptop that sleeps."""

    def strike(struck: Struck) -> None:
        if not (victims := _victims(struck, words)):
            return
        victim = struck.rng.choice(victims)
        with contextlib.suppress(ProcessLookupError):
            os.kill(victim, signal.SIGSTOP)
            time.sleep(struck.rng.uniform(*_PAUSES_S))
            os.kill(victim, signal.SIGCONT)

    return strike


def fill_disk(home: Path) -> None:
    """Takes all that is left on the disk, as another program would."""
    with contextlib.suppress(OSError), (home / FILLER).open("wb", buffering=0) as filler:
        while True:
            filler.write(bytes(1 << 16))


def _inodes_taken(struck: Struck) -> None:
    """Another program makes files until there can be no more."""
    many = struck.home / FILLER
    with contextlib.suppress(OSError):
        many.mkdir()
        for n in range(1 << 30):
            (many / str(n)).touch()


def _nothing(struck: Struck) -> None:
    """The run strikes itself."""


_PARTS = {
    "the command": "",
    "the vector store": "lite_server",
    "Prefect's server": "prefect server",
    "a worker of Ray": "ray::",
    "the raylet": "raylet/raylet",
    "the head of Ray": "gcs/gcs_server",
}
_OF_RAY = ("a worker of Ray", "the raylet", "the head of Ray")


_STANDING = {
    "the supervisor": "supervisor.supervisord",
    "the watcher": "flows.watch",
    "the worker": "flows.up.prefect_worker",
    "the fork server": "flows.warm.fork_server",
    "the reconciler": "flows.up.reconciler",
    "the vector store": "lite_server",
    "Prefect's server": "prefect server",
    "a worker of Ray": "ray::",
    "the raylet": "raylet/raylet",
    "the head of Ray": "gcs/gcs_server",
}


def standing_faults() -> list[Fault]:
    """Lists the faults of a standing installation."""
    found = []
    for part, words in _STANDING.items():
        again = part == "the supervisor"
        found.append(Fault(f"SIGKILL of {part} (standing)", _killed(words), "standing", again=again))
        found.append(Fault(f"SIGSTOP of {part} (standing)", _paused(words), "standing"))
    return found


def faults(*, disks: bool) -> list[Fault]:
    """Lists all faults; `disks`: also those that need a small disk."""
    found = []
    for part, words in _PARTS.items():
        for runner in ("ray",) if part in _OF_RAY else ("local", "ray"):
            found.append(Fault(f"SIGKILL of {part} ({runner})", _killed(words), runner))
            found.append(Fault(f"SIGSTOP of {part} ({runner})", _paused(words), runner))
    found += [
        Fault(f"SIGKILL at the point '{point}' ({runner})", _nothing, runner, point)
        for point in POINTS
        for runner in ("local", "ray")
    ]
    if disks:
        found.append(Fault("a full disk (local)", lambda struck: fill_disk(struck.home), disk=True))
        found.append(Fault("no inodes left (local)", _inodes_taken, disk=True))
    return found


def environment(fault: Fault, directory: Path, rng: random.Random) -> dict[str, str]:
    """Returns what a run has to find in its environment to be struck at the fault's point."""
    if not fault.point:
        return {}
    file = directory / "point"
    file.touch()
    return {VARIABLE: f"{fault.point}:{rng.randrange(1, 6)}:{file}"}


def free_disk(home: Path) -> None:
    """Takes away what has filled the disk."""
    filler = home / FILLER
    if filler.is_dir():
        subprocess.run(["rm", "-rf", str(filler)], check=True)
    filler.unlink(missing_ok=True)


def can_mount() -> bool:
    """Says whether small disks can be made: root may, but not in every container."""
    tried = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "medley-chaos", "/mnt"], capture_output=True, check=False
    )
    return os.geteuid() == 0 and tried.returncode == 0


@contextlib.contextmanager
def small_disk(home: Path, size: str = _DISK) -> Iterator[None]:
    """Mounts a disk of 1 GB and 200,000 files, or of another size, at `home` until the block ends. Root may."""
    home.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "medley-chaos", str(home)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(home)], check=True)
