"""Why a task crashed, and whose fault that is: only what a file did may be held against it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import httpx
import ray.exceptions as from_ray

from medley.errors import MedleyError, ServiceUnreachable, SetupError

#: `worker`: its process died, perhaps of the file. `elsewhere`: a node or service went away, of which no file is the
#: cause. `setup`: no try will ever succeed here. `bug`: something that nobody has thought of.
Kind = Literal["worker", "elsewhere", "setup", "bug"]

_WORKER = (from_ray.WorkerCrashedError, from_ray.OutOfMemoryError)
_ELSEWHERE = (
    from_ray.NodeDiedError,
    from_ray.ObjectLostError,
    from_ray.LocalRayletDiedError,
    from_ray.ActorDiedError,  # the process that task runs share: each has one of its own from now on
    from_ray.ActorUnavailableError,
    from_ray.RpcError,
    httpx.TransportError,
)
_SETUP = (
    from_ray.RuntimeEnvSetupError,
    from_ray.AuthenticationError,
    from_ray.TaskUnschedulableError,
    from_ray.OutOfDiskError,
)
_UNIMPORTABLE = ("No module named", "cannot import name", "has no attribute", "Can't get attribute")


@dataclass(frozen=True, slots=True)
class Crash:
    """What became of a task that did not come to an end of its own."""

    kind: Kind
    stage: str
    why: str  #: on one line, for people

    @property
    def error(self) -> MedleyError:
        """What the items say of it where they are not driven again."""
        error = _error(self)
        error.stage = self.stage
        return error


def _error(crash: Crash) -> MedleyError:
    if crash.kind == "setup":
        remedy = "Install the same Medley on every node of the cluster; medley doctor tells more"
        return SetupError(f"a worker cannot do its work: {crash.why}", remedy=remedy)
    if crash.kind == "elsewhere":
        return ServiceUnreachable(crash.why, remedy="Run again: finished stages are kept")
    return MedleyError(crash.why, remedy="See the log of the run")


def crash_of(stage: str, error: object, message: str) -> Crash:
    """Builds the crash that `error` tells of, or the state's `message` where `error` is no exception."""
    cause = error.cause if isinstance(error, from_ray.RayTaskError) and error.cause else error
    said = str(cause) if isinstance(cause, BaseException) else message
    why = " ".join((said.strip().splitlines() or [type(cause).__name__])[0].split())[:300]
    return Crash(_kind(cause, said), stage, f"{type(cause).__name__}: {why}" if cause is not error else why)


def _kind(cause: object, said: str) -> Kind:
    if isinstance(cause, _WORKER):
        return "worker"
    if isinstance(cause, _ELSEWHERE):
        return "elsewhere"
    unpickling = isinstance(cause, (ImportError, AttributeError, from_ray.RaySystemError))
    if isinstance(cause, _SETUP) or (unpickling and any(words in said for words in _UNIMPORTABLE)):
        return "setup"
    return "bug"
