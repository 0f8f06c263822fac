"""What `medley doctor` looks at on this machine; what it looks at in running services is in checks_of_services.py."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement

from flows.engine.plan import with_profile
from flows.up.checks.finding import Check, Line
from medley import __version__
from medley.catalog import open_catalog
from medley.media.ffmpeg import ffmpeg_program
from medley.media.isolation import ways_out
from medley.models.cuda import gpus_seen
from medley.models.locate import make_sure, on_this_machine
from medley.models.profiles import models_for
from medley.options import VideoOptions
from medley.profile import machine_has_gpu
from medley.settings import Settings
from medley.system.disk import require_space
from medley.system.gpu import gpus
from medley.system.mounts import on_network
from medley.upkeep import size_of

#: What a process takes of a GPU before it has loaded anything, and with its weights and a batch: measured by others,
#: a guess until `medley pools` says what ours take.
_CUDA_MB, _BESIDE_WEIGHTS = 700.0, 1.5
_PROXIES = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")


def check_python(settings: Settings) -> Iterator[Line]:
    """Versions of Python and Medley."""
    found = f"Medley {__version__} on Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    if (3, 11) <= sys.version_info[:2] < (3, 13):
        yield Line("python", "ok", found)
    else:
        yield Line("python", "fail", found, "Use Python 3.11 or 3.12")


def check_packages(settings: Settings) -> Iterator[Line]:
    """Checks whether the installed packages are of the versions that Medley is written for."""
    wrong = []
    for text in requires("medley-media") or []:
        wanted = Requirement(text)
        if wanted.marker and not wanted.marker.evaluate({"extra": ""}):
            continue
        try:
            found = version(wanted.name)
        except PackageNotFoundError:
            wrong.append(f"{wanted.name} is missing")
            continue
        if not wanted.specifier.contains(found, prereleases=True):
            wrong.append(f"{wanted.name} {found} is not {wanted.specifier}")
    if wrong:
        yield Line("packages", "fail", "; ".join(wrong), "Install with requirements.lock: make setup")
    else:
        yield Line("packages", "ok", f"prefect {version('prefect')}, ray {version('ray')}, torch {version('torch')}")


def check_ffmpeg(settings: Settings) -> Iterator[Line]:
    """Checks whether ffmpeg runs."""
    done = subprocess.run([ffmpeg_program(), "-version"], capture_output=True, text=True, timeout=30, check=False)
    first = (done.stdout or done.stderr).splitlines()[:1]
    if done.returncode:
        yield Line("ffmpeg", "fail", f"{ffmpeg_program()} does not run: {first}", "Install imageio-ffmpeg again")
    else:
        yield Line("ffmpeg", "ok", " ".join(first[0].split()[:3]))


def check_isolation(settings: Settings) -> Iterator[Line]:
    """Tells what decoders of other people's files are kept from, as tried by such a decoder."""
    open_ways = ways_out(settings.limits)
    if not open_ways:
        yield Line("isolation", "ok", "decoders see their file and their folder; no network, no other process")
    else:
        remedy = "Use a kernel with Landlock (5.13 or later, in its list of LSMs) and seccomp"
        yield Line("isolation", "warn", f"this kernel does not keep decoders from {', '.join(open_ways)}", remedy)


def check_home(settings: Settings) -> Iterator[Line]:
    """Checks whether MEDLEY_HOME and Ray have enough room, and whether MEDLEY_HOME is on a disk of this machine."""
    require_space(settings)
    free_gb = shutil.disk_usage(settings.home).free / 1e9
    yield Line("home", "ok", f"{settings.home}, {free_gb:.1f} GB free")
    if on_network(settings.home) and not settings.catalog_url:
        remedy = "Set MEDLEY_HOME to a local disk, or MEDLEY_CATALOG_URL to a Postgres server"
        yield Line("home", "warn", "MEDLEY_HOME is on a network file system, where SQLite's locks fail", remedy)
    usage = shutil.disk_usage(os.environ.get("RAY_TMPDIR", "/tmp"))  # noqa: S108  # where Ray puts its sessions
    if usage.used / usage.total > 0.95:
        yield Line(
            "home", "warn", "the disk of Ray's temporary files is 95 % full", "Free some space, or set RAY_TMPDIR"
        )
    shared = Path("/dev/shm")  # noqa: S108
    if shared.exists() and shutil.disk_usage(shared).total < settings.ray.object_store_mb << 20:
        remedy = "Give the container more (--shm-size), or lower MEDLEY_RAY__OBJECT_STORE_MB"
        yield Line("home", "warn", f"{shared} is smaller than Ray's object store", remedy)


def check_catalog(settings: Settings) -> Iterator[Line]:
    """Checks whether the ledger opens and can be written."""
    open_catalog(settings).crash_dead_runs()
    yield Line("catalog", "ok", "opens, and can be written")


def check_models(settings: Settings) -> Iterator[Line]:
    """Checks whether the weights of the profile are on this machine."""
    options = with_profile(VideoOptions(), settings)
    models = models_for(options, settings)
    for spec in (models.speech, models.vision, models.text):
        if spec.endpoint:
            make_sure(spec)
            yield Line("models", "ok", f"{spec.kind}: {spec.id} at {spec.endpoint.base_url}")
        elif found := on_this_machine(spec):
            yield Line("models", "ok", f"{spec.kind}: {spec.id} in {found}")
        else:
            remedy = f"With a network: medley models pull --profile {options.chosen.value}; or use --profile demo"
            yield Line("models", "warn", f"{spec.kind}: {spec.id} is not on this machine", remedy)


def check_gpu(settings: Settings) -> Iterator[Line]:
    """Checks whether the libraries that are to use the GPU see it."""
    if not machine_has_gpu():
        yield Line("gpu", "ok", "none; models run on the CPU")
        return
    seen = gpus_seen()
    blind = [name for name, count in seen.items() if not count]
    if blind:
        remedy = "Install builds of these with CUDA, and the CUDA libraries that they load"
        yield Line("gpu", "fail", f"the driver shows a GPU, {' and '.join(blind)} none", remedy)
    else:
        yield Line("gpu", "ok", f"{seen['torch']}, seen by torch and ctranslate2")
        yield from _safe_sizes(settings)


def _safe_sizes(settings: Settings) -> Iterator[Line]:
    """How many processes of each model of the profile a GPU takes, by the size of the weights that are here."""
    models = models_for(with_profile(VideoOptions(), settings), settings)
    for gpu in gpus():
        free_mb = gpu.total_mb - gpu.used_mb - settings.pools.gpu_reserve_mb
        for spec in (models.speech, models.vision, models.text):
            if not spec.endpoint and (where := on_this_machine(spec)):
                need_mb = _CUDA_MB + _BESIDE_WEIGHTS * size_of(where) / 1e6
                has = f"{gpu.total_mb:.0f} MB, {gpu.used_mb:.0f} taken, {settings.pools.gpu_reserve_mb} in reserve"
                told = f"{gpu.name}: {max(0, int(free_mb // need_mb))} processes of the {spec.kind} model are safe"
                yield Line("gpu", "ok", f"{told} (about {need_mb:.0f} MB each, by its weights; the GPU has {has})")


def check_proxy(settings: Settings) -> Iterator[Line]:
    """Checks whether calls to Medley's own services would go through a proxy."""
    proxy = next((name for name in _PROXIES if os.environ.get(name)), None)
    spared = os.environ.get("no_proxy", "") + os.environ.get("NO_PROXY", "")
    if proxy and settings.up.host not in spared and spared != "*":
        remedy = f"Set NO_PROXY={settings.up.host},localhost"
        yield Line("proxy", "warn", f"{proxy} is set: calls to Prefect on this machine go through it", remedy)


MACHINE: tuple[Check, ...] = (
    check_python,
    check_packages,
    check_ffmpeg,
    check_isolation,
    check_home,
    check_catalog,
    check_models,
    check_gpu,
    check_proxy,
)
