"""Prefect flows, one module for each modality, and the commands beside them."""

import os
import secrets
from pathlib import Path

#: Secret of the standing Ray cluster, in MEDLEY_HOME (see _up).
_TOKEN = "run/ray.token"  # noqa: S105  # a place, not a secret


def _ray_token() -> str:
    try:
        return (Path(os.environ.get("MEDLEY_HOME") or "~/.medley").expanduser() / _TOKEN).read_text()
    except OSError:
        return secrets.token_hex(32)


# Ray reads these once, when it is imported, and a deployed run imports it before any code of ours is called. A private
# cluster has a secret of its own and writes none into ~/.ray.
if not (os.environ.get("MEDLEY_RAY__ADDRESS") or os.environ.get("RAY_ADDRESS")):
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    if os.environ["RAY_AUTH_MODE"] == "token":
        os.environ.setdefault("RAY_AUTH_TOKEN", _ray_token())
