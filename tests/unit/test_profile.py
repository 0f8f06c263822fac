"""Which profile a run uses."""

from __future__ import annotations

from pathlib import Path

import pytest

from medley.errors import SetupError
from medley.option_values import Profile
from medley.options import VideoOptions
from medley.profile import resolve_profile
from medley.settings import load_settings


def never() -> float:
    raise AssertionError("the cluster was asked")


def test_what_is_said_counts(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve_profile(VideoOptions(), load_settings(), never).profile is Profile.DEMO  # MEDLEY_PROFILE
    said = VideoOptions(profile=Profile.CPU)
    assert resolve_profile(said, load_settings(), never).profile is Profile.CPU


def test_auto_said_is_auto(home: Path) -> None:
    """It does not mean MEDLEY_PROFILE, which is demo here."""
    said = VideoOptions(profile=Profile.AUTO)
    assert resolve_profile(said, load_settings(), lambda: 1.0).profile is Profile.GPU


@pytest.mark.parametrize(("gpus", "profile"), [(1.0, Profile.GPU), (0.0, Profile.CPU)])
def test_auto_asks_the_given_cluster(
    home: Path, monkeypatch: pytest.MonkeyPatch, gpus: float, profile: Profile
) -> None:
    monkeypatch.delenv("MEDLEY_PROFILE")
    assert resolve_profile(VideoOptions(), load_settings(), lambda: gpus).profile is profile


def test_a_profile_that_is_none(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDLEY_PROFILE", "fast")
    with pytest.raises(SetupError, match="demo"):
        resolve_profile(VideoOptions(), load_settings())
