"""Prefect flows, one module for each modality, and the commands beside them."""

import os
import secrets
import sys
from pathlib import Path

_ROOT = str(Path(__file__).absolute().parents[1])
if sys.path[:1] != [_ROOT]:  # `tasks` and `actors` are ours, whatever stands on somebody's PYTHONPATH
    sys.path.insert(0, _ROOT)

__path__.append(str(Path(__file__).with_name("aliases")))  # `python -m flows.down` and its siblings

#: Secret of the standing Ray cluster, in MEDLEY_HOME (see flows/up).
_TOKEN = "run/ray.token"  # noqa: S105  # a place, not a secret


#: Set beside a secret that nobody has given: one of our own making.
_OURS = "MEDLEY_MADE_RAY_TOKEN"


def given_ray_token() -> str:
    """Returns RAY_AUTH_TOKEN where somebody has set the variable, else an empty string."""
    return "" if os.environ.get(_OURS) else os.environ.get("RAY_AUTH_TOKEN", "")


def _ray_token() -> str:
    try:
        return (Path(os.environ.get("MEDLEY_HOME") or "~/.medley").expanduser() / _TOKEN).read_text()
    except OSError:
        return secrets.token_hex(32)


# Ray reads these once, when it is imported, and a deployed run imports it before any code of ours is called. A private
# cluster has a secret of its own and writes none into ~/.ray.
if not (os.environ.get("MEDLEY_RAY__ADDRESS") or os.environ.get("RAY_ADDRESS")):
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    if os.environ["RAY_AUTH_MODE"] == "token" and not os.environ.get("RAY_AUTH_TOKEN"):
        os.environ.update({"RAY_AUTH_TOKEN": _ray_token(), _OURS: "1"})
