"""Machines on one machine: network namespaces with addresses of their own, joined by a bridge."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Machine:
    """A network namespace; the empty name is this machine, at the address of the bridge."""

    namespace: str
    address: str
    disk: str = ""  #: a directory that is this machine's own

    def command(self, *arguments: str) -> list[str]:
        """The command line that runs a program there."""
        if not self.namespace:
            return list(arguments)
        own = 'mount -t tmpfs -o size=2g disk "$0" && exec "$@"'  # `ip netns exec` gives a mount namespace, too
        return ["ip", "netns", "exec", self.namespace, "sh", "-c", own, self.disk, *arguments]


def refused() -> str:
    """Why this machine gives no namespaces; empty where it does."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    name = f"md{secrets.token_hex(3)}"
    try:
        _ip("netns", "add", name)
        _ip("netns", "del", name)
    except (OSError, subprocess.CalledProcessError) as error:
        return f"no network namespaces here: {error}"
    return ""


@contextlib.contextmanager
def network(workers: int, disk: Path) -> Iterator[list[Machine]]:
    """Yields this machine and `workers` others, with a disk of its own at `disk`; everything is removed at the end."""
    disk.mkdir(parents=True)
    mark, net = f"md{secrets.token_hex(3)}", f"10.{77 + secrets.randbelow(100)}.{secrets.randbelow(250)}"
    machines = [Machine("", f"{net}.1")]
    with contextlib.ExitStack() as made:
        _ip("link", "add", mark, "type", "bridge")
        made.callback(_ip, "link", "del", mark)
        _ip("addr", "add", f"{net}.1/24", "dev", mark)
        _ip("link", "set", mark, "up")
        for n in range(1, workers + 1):
            name, cable = f"{mark}n{n}", f"{mark}v{n}"
            _ip("netns", "add", name)
            made.callback(_ip, "netns", "del", name)
            _ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name)
            _ip("link", "set", cable, "master", mark, "up")
            inside = ("netns", "exec", name, "ip")
            for arguments in (("addr", "add", f"{net}.{10 + n}/24", "dev", "eth0"), ("link", "set", "eth0", "up")):
                _ip(*inside, *arguments)
            _ip(*inside, "link", "set", "lo", "up")
            machines.append(Machine(name, f"{net}.{10 + n}", str(disk)))
        yield machines


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=20)
