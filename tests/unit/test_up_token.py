"""The secret of a standing Ray cluster is that of the process which starts it, too."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flows.up.installation import take_ray_token
from medley.settings import load_settings


@pytest.fixture(autouse=True)
def _of_its_own_making(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `flows/__init__.py` leaves it where nobody has given a secret."""
    monkeypatch.setenv("RAY_AUTH_TOKEN", "of a private cluster")
    monkeypatch.setenv("MEDLEY_MADE_RAY_TOKEN", "1")


def test_the_first_up_asks_its_cluster_with_the_secret_that_the_cluster_has() -> None:
    settings = load_settings()
    take_ray_token(settings)
    kept = (settings.run_dir / "ray.token").read_text()
    assert kept != "of a private cluster"
    assert os.environ["RAY_AUTH_TOKEN"] == kept
    take_ray_token(settings)
    assert (settings.run_dir / "ray.token").read_text() == kept, "clients of before go on"


def test_a_secret_that_is_given_is_the_cluster_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEDLEY_MADE_RAY_TOKEN")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "given")
    settings = load_settings()
    take_ray_token(settings)
    assert (settings.run_dir / "ray.token").read_text() == os.environ["RAY_AUTH_TOKEN"] == "given"
