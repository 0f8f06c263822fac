"""Memory of GPUs, as NVIDIA's driver tells it (NVML): of the whole device, and of this process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_MB = 1 << 20


@dataclass(frozen=True, slots=True)
class Gpu:
    """One device. `used_mb`: by everybody."""

    name: str
    total_mb: float
    used_mb: float


def gpus() -> list[Gpu]:
    """Lists the GPUs of this machine; none where there is no driver."""
    with _nvml() as nvml:
        return [_seen(nvml, handle) for handle in _handles(nvml)] if nvml else []


class OwnMemory:
    """What this process needs of the GPU that Ray has given it, at its highest so far."""

    def __init__(self) -> None:
        self._visible = os.environ.get("CUDA_VISIBLE_DEVICES", "0").partition(",")[0]
        self._peak_mb = self.total_mb = self._before_mb = 0.0
        if found := self._look():
            self.total_mb, self._before_mb = found[0].total_mb, found[0].used_mb

    def peak_mb(self) -> float:
        """Returns the largest memory so far, in MB; 0.0 where the driver does not say.

        In a container the driver does not know our pid: then it is what the device holds more than when we began.
        """
        if found := self._look():
            device, mine = found
            self._peak_mb = max(self._peak_mb, mine or device.used_mb - self._before_mb)
        return self._peak_mb

    def _look(self) -> tuple[Gpu, float] | None:
        with _nvml() as nvml:
            if nvml is None:
                return None
            handle = next((each for n, each in enumerate(_handles(nvml)) if self._is_ours(nvml, n, each)), None)
            if handle is None:
                return None
            running = nvml.nvmlDeviceGetComputeRunningProcesses(handle)
            mine = sum((each.usedGpuMemory or 0) / _MB for each in running if each.pid == os.getpid())
            return _seen(nvml, handle), mine

    def _is_ours(self, nvml: Any, number: int, handle: Any) -> bool:
        return self._visible in (str(number), nvml.nvmlDeviceGetUUID(handle))


def _seen(nvml: Any, handle: Any) -> Gpu:
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    return Gpu(str(nvml.nvmlDeviceGetName(handle)), memory.total / _MB, memory.used / _MB)


def _handles(nvml: Any) -> Iterator[Any]:
    for number in range(nvml.nvmlDeviceGetCount()):
        yield nvml.nvmlDeviceGetHandleByIndex(number)


@contextmanager
def _nvml() -> Iterator[Any]:
    """The library, or None where there is no driver."""
    if not Path("/dev/nvidiactl").exists() and not Path("/proc/driver/nvidia/version").exists():
        yield None
        return
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        yield None
        return
    try:
        yield pynvml
    finally:
        pynvml.nvmlShutdown()
