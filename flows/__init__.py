"""Prefect flows, one module for each modality, and the commands beside them."""

import os
import secrets

# Ray reads these once, when it is imported, and a deployed run imports it before any code of ours is called. A private
# cluster has a secret of its own and writes none into ~/.ray.
if not (os.environ.get("MEDLEY_RAY__ADDRESS") or os.environ.get("RAY_ADDRESS")):
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    if os.environ["RAY_AUTH_MODE"] == "token":
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
