"""The environment that Prefect, Ray and the hub read before they are imported, here and in children."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from flows.services.capacity import local_units
from medley.settings import Settings
from medley.system.machine import keep_heap_small

#: Values as Prefect writes them for the processes it starts: Ray takes a worker for the same environment only.
_QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "False",
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "False",  # a lost URL is an error, not a second server on the same file
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
    # states and events of tasks are written many at a time: each alone costs the server 20 ms of CPU a task
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1.0",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "500",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL": "1.0",
    "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "False",
    "PREFECT_LOGGING_LEVEL": "INFO",
    "PREFECT_LOGGING_INTERNAL_LEVEL": "CRITICAL",  # a server that is away: pages of events on the terminal
    "PREFECT_LOGGING_EXTRA_LOGGERS": "medley",  # what we log is in the logs of flow and task runs
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",  # logs go to the API; the terminal has our progress
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "PREFECT_CLI_PROMPT": "False",
    "RAY_USAGE_STATS_ENABLED": "0",
    # else the GCS keeps 100,000 tasks of runs that are over, and as much again of what it has dropped
    "RAY_task_events_max_num_task_in_gcs": "5000",
    "RAY_task_events_max_dropped_task_attempts_tracked_per_job_in_gcs": "5000",
    "RAY_worker_niceness": "0",  # Ray's 15: models, which everything waits for, came after whatever else runs
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # else workers of a driver under `uv run` run uv again
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


_OURS = str(Path(__file__).absolute().parents[2])
#: Stages of one item that run at the same time: one of each branch.
_TASKS_OF_AN_ITEM = 2


def prepare_environment(settings: Settings) -> None:
    """Sets the environment variables that Prefect, Ray and the hub read.

    What the user has set stays, but for PREFECT_HOME: a user's own profile must not decide where Medley's runs go.
    """
    keep_heap_small()
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    os.environ.setdefault("PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED", "events,flow_runs")
    os.environ.setdefault("PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD", str(settings.retention_days * 86400))
    # Waiting stages ask for next to no CPU: more of them run than there are CPUs, and Ray would end their processes
    # after a second of idling and start new ones, 4 s of imports each (ten clips on two cores: 142 s, with this 94 s).
    os.environ.setdefault("RAY_num_workers_soft_limit", str(_TASKS_OF_AN_ITEM * local_units(settings)))
    os.environ["PREFECT_HOME"] = str(settings.home / "prefect")
    os.environ["PREFECT_UI_STATIC_DIRECTORY"] = str(settings.home / "prefect" / "ui")  # default: in site-packages
    os.environ["MEDLEY_HOME"] = str(settings.home)
    if given := os.environ.get("PYTHONPATH"):  # children find our packages before a `tasks.py` that is there
        os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys([_OURS, *given.split(os.pathsep)]))
    _know_password(password_file(settings))


#: Set beside a password of our own making.
MADE_PASSWORD = "MEDLEY_MADE_PREFECT_PASSWORD"  # noqa: S105  # a name


def password_file(settings: Settings) -> Path:
    """Returns the path of the password of this home's Prefect server: kept as user:password, as Prefect has it."""
    return settings.run_dir / "prefect.password"


def given_password() -> str:
    """Returns PREFECT_SERVER_API_AUTH_STRING where somebody has set it, else an empty string."""
    return "" if os.environ.get(MADE_PASSWORD) else os.environ.get("PREFECT_SERVER_API_AUTH_STRING", "")


def _know_password(path: Path) -> None:
    """A server of somebody else (PREFECT_API_URL) has another one, or none."""
    if os.environ.get("PREFECT_API_URL"):
        return
    given = given_password()
    password = _kept_secret(path, given)
    os.environ.update({"PREFECT_SERVER_API_AUTH_STRING": password, "PREFECT_API_AUTH_STRING": password})
    if not given:
        os.environ[MADE_PASSWORD] = "1"


def _kept_secret(path: Path, given: str) -> str:
    """What the file says. One that is `given` replaces it; without one, it is made where it is not there yet."""
    if given or not path.exists():
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(given or f"medley:{secrets.token_hex(32)}")
        if given:
            draft.rename(path)
        else:
            with contextlib.suppress(FileExistsError):  # another command was quicker
                os.link(draft, path)
            draft.unlink()
    return path.read_text()


def worker_environment() -> dict[str, str]:
    """Returns the variables of this environment that Ray's workers need.

    Prefect's URL travels with each task, in the settings of the task's context.
    """
    names = (*_QUIET, "PREFECT_HOME", "PREFECT_UI_STATIC_DIRECTORY", "MEDLEY_HOME")
    traced = (name for name in os.environ if name.startswith("OTEL_"))
    return {name: os.environ[name] for name in (*names, *traced) if name in os.environ}
