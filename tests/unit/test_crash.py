"""Who is blamed for a task that crashed."""

from __future__ import annotations

import httpx
import pytest
from ray import exceptions as from_ray

from flows.engine.crash import crash_of
from medley.errors import BadInput, MedleyError, ServiceUnreachable, SetupError

NO_MODULE = ModuleNotFoundError("No module named 'tasks.speech'")


def in_a_task(cause: Exception) -> Exception:
    return from_ray.RayTaskError("task", "Traceback ...", cause)


@pytest.mark.parametrize(
    ("error", "kind", "becomes"),
    [
        (from_ray.WorkerCrashedError(), "worker", MedleyError),
        (from_ray.OutOfMemoryError("the node ran low on memory"), "worker", MedleyError),
        (from_ray.NodeDiedError("node died"), "elsewhere", ServiceUnreachable),
        (in_a_task(httpx.ConnectError("refused")), "elsewhere", ServiceUnreachable),
        (in_a_task(NO_MODULE), "setup", SetupError),
        (NO_MODULE, "setup", SetupError),
        (from_ray.RaySystemError("System error: No module named 'tasks.speech'"), "setup", SetupError),
        (from_ray.RuntimeEnvSetupError("cannot set up"), "setup", SetupError),
        (in_a_task(KeyError("x")), "bug", MedleyError),
        (None, "bug", MedleyError),
    ],
)
def test_blame(error: Exception | None, kind: str, becomes: type[MedleyError]) -> None:
    crash = crash_of("transcribe", error, "Execution was interrupted\nTraceback ...")
    assert crash.kind == kind
    assert type(crash.error) is becomes
    assert crash.error.stage == "transcribe"
    assert not isinstance(crash.error, BadInput), "a file is blamed only after its workers have died three times"
    assert "\n" not in str(crash.error)
    assert "Traceback" not in str(crash.error)
