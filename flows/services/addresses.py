"""Where services are: named by the user, part of the standing installation, or started by a command of this home.

`MEDLEY_HOME/run/<name>.json` says where a running one is, and which process answers for it.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from flows.services.supervise import is_reachable
from medley.errors import ServiceUnreachable
from medley.settings import Settings
from medley.system.process import born, lives

#: Says that `medley up` runs, and which parts: see flows/up.
UP = "up"
#: Everything that `medley up` starts carries its home in this variable.
STANDING = "MEDLEY_STANDING"
_REACH_S = 3.0
_RESTART_S = 60.0


def address_file(name: str, settings: Settings) -> Path:
    """Returns the path of the file that says where the service `name` is."""
    return settings.run_dir / f"{name}.json"


def address(name: str, settings: Settings) -> dict[str, Any] | None:
    """Returns what is known of a running service, or None where the service does not run. Starts nothing."""
    try:
        found: dict[str, Any] = json.loads(address_file(name, settings).read_text())
        alive = lives(int(found["pid"]), float(found["born"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if alive else None


def running(name: str, settings: Settings) -> str | None:
    """Returns the URL of a service of this home, or None where the service does not run. Starts nothing."""
    found = address(name, settings)
    return str(found["url"]) if found else None


def prefect_url(settings: Settings) -> str | None:
    """Returns the URL of Prefect's API: PREFECT_API_URL where that is set, else the URL of this home's server.

    None where neither PREFECT_API_URL is set nor a server of this home runs.
    """
    return os.environ.get("PREFECT_API_URL") or running("prefect", settings)


def register(name: str, url: str, settings: Settings) -> None:
    """Notes that this process is the part `name` of the standing installation, and reached at `url`."""
    ours = {"url": url, "pid": os.getpid(), "born": born(os.getpid()), "standing": True}
    address_file(name, settings).write_text(json.dumps(ours))


def managed(name: str, settings: Settings) -> str | None:
    """Returns the URL of a part of the standing installation; None where no installation runs such a part.

    Waits for a part that is being started again. Raises ServiceUnreachable where that part does not come back.
    """
    deadline = time.monotonic() + _RESTART_S
    while (up := address(UP, settings)) and name in up["parts"]:
        if url := running(name, settings):
            return url
        if time.monotonic() > deadline:
            raise ServiceUnreachable(f"{name} of `medley up` does not run", remedy="See: medley doctor")
        time.sleep(0.1)
    return None


def ray_cluster(settings: Settings) -> str | None:
    """Address of the cluster to join: the one that is set, else the standing one; None for one of our own."""
    return settings.ray_address or managed("ray", settings)


def require_reachable(url: str, setting: str) -> None:
    """Raises ServiceUnreachable naming `setting` unless something accepts connections at `url` within 3 s."""
    try:
        parsed = urlparse(url if "://" in url else f"tcp://{url}")
        host, port = parsed.hostname or "", parsed.port or (443 if parsed.scheme == "https" else 80)
    except ValueError as error:
        raise ServiceUnreachable(f"{url} is no address ({setting}): {error}", remedy="Correct the setting") from None
    if not is_reachable(f"tcp://{host}:{port}", _REACH_S):
        raise ServiceUnreachable(f"nothing answers at {url} ({setting})", remedy="Start it, or correct the setting")
