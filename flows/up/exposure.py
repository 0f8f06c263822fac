"""Who may reach the standing installation: this machine only, unless every secret is set."""

from __future__ import annotations

import ipaddress
import os

from flows import given_ray_token
from flows.services.environment import given_password
from medley.errors import SetupError
from medley.settings import Settings

_SECRETS = {
    "PREFECT_SERVER_API_AUTH_STRING": "user:password that Prefect's server asks for; PREFECT_API_AUTH_STRING the same",
    "RAY_AUTH_TOKEN": "secret of the Ray cluster",
    "MEDLEY_TOKEN": "secret of the service",
}


def require_secrets(settings: Settings) -> None:
    """Raises SetupError where the installation would listen beyond loopback without all of them."""
    if is_loopback(settings.up.host):
        return
    if settings.up.host in ("0.0.0.0", "::"):  # noqa: S104  # refused
        raise SetupError(
            f"MEDLEY_UP__HOST={settings.up.host} is no address that others can call",
            remedy="Give the address of this machine in the network that you mean",
        )
    ours = {"RAY_AUTH_TOKEN": given_ray_token(), "PREFECT_SERVER_API_AUTH_STRING": given_password()}
    known = {**os.environ, **ours}
    missing = [f"{name} ({what})" for name, what in _SECRETS.items() if not known.get(name)]
    if missing:
        raise SetupError(
            f"MEDLEY_UP__HOST={settings.up.host} would let others in; not set: {'; '.join(missing)}",
            remedy="Set them, or leave MEDLEY_UP__HOST alone and use a tunnel",
        )


def is_loopback(host: str) -> bool:
    """Says whether only this machine reaches `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
