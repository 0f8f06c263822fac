"""Which profile a run uses: the option, the setting, or what the machine has. Decided before the first fingerprint."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from medley.errors import SetupError
from medley.option_values import Profile
from medley.options import ModelChoice
from medley.settings import Settings
from medley.system.gpu import gpus

Choice = TypeVar("Choice", bound=ModelChoice)


def resolve_profile(options: Choice, settings: Settings, cluster_gpus: Callable[[], float] | None = None) -> Choice:
    """Returns `options` with a concrete profile.

    `cluster_gpus` asks a given Ray cluster how many GPUs it declares (only if that matters), None where there is no
    such cluster: then this machine is asked. Raises SetupError where MEDLEY_PROFILE is no profile.
    """
    profile = options.profile
    if profile is None:
        profile = _parse(settings.profile) if settings.profile else Profile.AUTO
    if profile is Profile.AUTO:
        has_gpu = cluster_gpus() > 0 if cluster_gpus else machine_has_gpu()
        profile = Profile.GPU if has_gpu else Profile.CPU
    return options.model_copy(update={"profile": profile})


def machine_has_gpu() -> bool:
    """Tells whether an NVIDIA driver shows a GPU, asked through NVML; nothing is loaded that could not be there."""
    return bool(gpus())


def _parse(name: str) -> Profile:
    try:
        return Profile(name)
    except ValueError:
        names = ", ".join(profile.value for profile in Profile)
        raise SetupError(f"MEDLEY_PROFILE={name} is no profile", remedy=f"Use one of: {names}") from None
