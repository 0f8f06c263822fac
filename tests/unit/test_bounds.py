"""Who may reach the standing installation."""

from __future__ import annotations

import pytest

from flows.up.exposure import require_secrets
from medley.errors import SetupError
from medley.settings import load_settings

SECRETS = ("PREFECT_SERVER_API_AUTH_STRING", "RAY_AUTH_TOKEN", "MEDLEY_TOKEN")


@pytest.mark.usefixtures("home")
def test_beyond_loopback_only_with_every_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    for host in ("127.0.0.1", "localhost", "::1"):
        monkeypatch.setenv("MEDLEY_UP__HOST", host)
        require_secrets(load_settings())
    monkeypatch.setenv("MEDLEY_UP__HOST", "192.168.1.5")
    for missing in SECRETS:
        with monkeypatch.context() as patch:
            for name in SECRETS:
                patch.setenv(name, "secret")
            patch.delenv(missing)
            with pytest.raises(SetupError, match=missing) as refused:
                require_secrets(load_settings())
            assert "secret of" in str(refused.value) or "user:password" in str(refused.value)
    for name in SECRETS:
        monkeypatch.setenv(name, "secret")
    require_secrets(load_settings())
    monkeypatch.setenv("MEDLEY_MADE_RAY_TOKEN", "1")  # not the user's: made when our package was imported
    with pytest.raises(SetupError, match="RAY_AUTH_TOKEN"):
        require_secrets(load_settings())


@pytest.mark.usefixtures("home")
def test_every_address_is_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDLEY_UP__HOST", "0.0.0.0")
    with pytest.raises(SetupError, match="no address that others can call"):
        require_secrets(load_settings())
