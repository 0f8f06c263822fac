"""Parent of one shared service: starts it again when it dies, ends it when its last user is gone, however that went.

`python -m flows.services.supervise SPEC`. It runs beside every command: next to nothing is imported. Locks: see
shared.py.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from types import FrameType
from typing import Any

from medley.system.launch import guarded
from medley.system.process import born

_START_S = 90.0
_HEALTH_POLL_S = 0.1
_USERS_POLL_S = 1.0
_END_S = 10.0
#: Pauses before it is started again, on the same port; after the last one it stays down.
_AGAIN_S = (0.1, 1.0, 5.0)
_stop = threading.Event()


def main(spec: dict[str, Any]) -> int:
    """Starts the service, says where it is, and waits until nobody uses it; exit status 1 if it does not come up."""
    signal.signal(signal.SIGTERM, _on_term)
    service = launched(spec)
    try:
        if not comes_up(service, spec["health"]):
            return 1
        write_address(service, spec)
        if spec.get("standing"):
            return _stands(service)
        for pause_s in _AGAIN_S:
            if not _dies_in_use(service, spec):
                return 0
            _stop.wait(pause_s)
            service = launched(spec)
            if comes_up(service, spec["health"]):
                write_address(service, spec)
        return 1
    finally:
        Path(spec["address_file"]).unlink(missing_ok=True)
        end(service)


def launched(spec: dict[str, Any]) -> subprocess.Popen[bytes]:
    """Starts the service as a child that ends with this process."""
    if spec.get("standing"):  # its supervisor keeps what is printed, and not for ever
        return subprocess.Popen(guarded(spec["command"]), stdin=subprocess.DEVNULL)
    with Path(spec["log"]).open("ab") as log:
        return subprocess.Popen(guarded(spec["command"]), stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def write_address(service: subprocess.Popen[bytes], spec: dict[str, Any]) -> None:
    """Says where the service is; `standing` where it is no command's to end (see flows/up)."""
    us = {"pid": os.getpid(), "born": born(os.getpid()), "standing": spec.get("standing", False)}
    content = {"url": spec["url"], "service_pid": service.pid, **us}
    draft = Path(spec["address_file"]).with_suffix(".new")
    draft.write_text(json.dumps(content))
    draft.rename(spec["address_file"])


def _on_term(signum: int, frame: FrameType | None) -> None:
    _stop.set()


def comes_up(service: subprocess.Popen[bytes], health: str) -> bool:
    """Waits until it answers; False where it ended, or did not within a minute and a half."""
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and service.poll() is None and not _stop.is_set():
        if not health or is_reachable(health):
            return True
        time.sleep(_HEALTH_POLL_S)
    return False


def _stands(service: subprocess.Popen[bytes]) -> int:
    """Waits for its end; whoever supervises us starts it again."""
    while not _stop.wait(_HEALTH_POLL_S):
        if service.poll() is not None:
            return 1
    return 0


def is_reachable(health: str, timeout_s: float = 1.0) -> bool:
    """Says whether the service at `health` (an http:// URL to GET, or tcp://host:port) is there."""
    try:
        if health.startswith("tcp://"):
            host, port = health.removeprefix("tcp://").rsplit(":", 1)
            socket.create_connection((host, int(port)), timeout_s).close()
        else:
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            opener.open(health, timeout=timeout_s).close()
    except OSError:
        return False
    return True


def _dies_in_use(service: subprocess.Popen[bytes], spec: dict[str, Any]) -> bool:
    """Waits until it dies; False where it is to end, or has ended because nobody used it any more.

    Nobody may become a user while we look: both locks are held until the service has ended and we exit.
    """
    while not _stop.is_set():
        if service.poll() is not None:
            return True
        _stop.wait(_USERS_POLL_S)
        with Path(spec["start_lock"]).open("a") as start, Path(spec["users_lock"]).open("a") as users:
            if _try_lock(start) and _try_lock(users):
                Path(spec["address_file"]).unlink(missing_ok=True)
                end(service)
                return False
    return False


def _try_lock(file: Any) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def end(service: subprocess.Popen[bytes]) -> None:
    """Ends it, by force where ten seconds are not enough."""
    if service.poll() is None:
        service.terminate()
        try:
            service.wait(_END_S)
        except subprocess.TimeoutExpired:
            service.kill()
            service.wait()


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
