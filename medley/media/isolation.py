"""Finds out what decoders are really kept from on this machine: one of them tries."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from medley.media.child import run_child
from medley.setting_groups import Limits

#: Each attempt that succeeds prints what a decoder of a hostile file could do here.
_ATTEMPTS = """
import os, socket, sys
def attempt(what, act):
    try:
        act()
    except OSError:
        return
    print(what)
def child():
    if not (pid := os.fork()):
        os._exit(0)
    os.waitpid(pid, 0)
attempt("other files", lambda: open(sys.argv[1]).close())
attempt("the network", lambda: socket.socket().close())
attempt("starting processes", child)
attempt("signals to other processes", lambda: os.kill(os.getppid(), 0))
"""


def ways_out(limits: Limits) -> list[str]:
    """Lists what the kernel does not keep decoders from; empty where every restriction holds."""
    with tempfile.NamedTemporaryFile() as canary, tempfile.TemporaryDirectory() as work:
        command = [sys.executable, "-I", "-c", _ATTEMPTS, canary.name]
        result = run_child(command, cwd=Path(work), limits=limits, file=canary.name)
    if result.returncode:
        return [f"ending early ({result.stderr.strip()[-200:]})"]
    return result.stdout.splitlines()
