"""Child processes for everything that parses somebody else's bytes: confined, limited, stoppable, never left behind."""

from __future__ import annotations

import contextlib
import os
import site
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO

from medley.errors import TooLarge
from medley.media.budget import decoder_slot
from medley.media.source import Source
from medley.media.zygote import ForkedChild, fork_child
from medley.setting_groups import Limits
from medley.system.launch import Guard, guarded
from medley.system.stop import raise_if_stopped

_PACKAGE = Path(__file__).parents[1]
_POLL_S = 0.1
_SIZE_EVERY_S = 1.0
_TAIL_BYTES = 16_384
#: Models go before decoders: what waits for a model waits longer than what waits for a file, and its memory with it.
_NICENESS = 10
#: All that a child is told of our environment: nothing in it is a secret, and the last two mend broken BLAS kernels.
_PASSED_ON = ("LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
#: What programs need of the system: their libraries, fonts for PDFs that bring none, the devices that cannot hurt.
_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/nix/store", "/etc/ld.so.cache", "/etc/fonts", "/etc/localtime")
_DEVICES = ("/dev/urandom", "/dev/random", "/dev/zero", "/sys/devices/system/cpu", "/proc/cpuinfo", "/proc/meminfo")


@dataclass(frozen=True, slots=True)
class ChildResult:
    """How a child ended: exit status (negative: signal), its output, and the end of what it complained of.

    `over`: the limit at which it was ended.
    """

    returncode: int
    stdout: str
    stderr: str
    over: TooLarge | None = None


def run_child(
    command: list[str] | Path, *, cwd: Path | None, limits: Limits, file: str, sources: Sequence[Source] = ()
) -> ChildResult:
    """Runs a child to its end (see `observe_child`). Raises TooLarge where the child was ended at a limit."""
    result = observe_child(command, cwd=cwd, limits=limits, file=file, sources=sources)
    if result.over:
        raise result.over
    return result


def observe_child(
    command: list[str] | Path,
    *,
    cwd: Path | None,
    limits: Limits,
    file: str,
    sources: Sequence[Source] = (),
    stdin: bytes = b"",
) -> ChildResult:
    """Runs `command`, a program's absolute path and arguments or a job's program, under `limits` and isolated.

    The child reads `sources` and writes below `cwd`, if there is one. The child has no network, starts no process
    and knows nothing of our environment (how much of this holds is the kernel's affair: see `medley doctor`). The
    child is ended when `limits.wall_s` is over or more than `limits.output_mb` is written. Raises Cancelled when
    the run is stopped. The child is dead then.
    """
    with decoder_slot(limits), _Files(stdin) as files:
        child = _started(command, _guard(limits, cwd, sources), str(cwd or "/"), files, [s.handle for s in sources])
        over = _wait(child, cwd, limits, file)
        return ChildResult(child.wait(), _text(files.out, limits.output_mb << 20), _text(files.complaints), over)


def _started(
    command: list[str] | Path, guard: Guard, cwd: str, files: _Files, sources: list[int]
) -> subprocess.Popen[bytes] | ForkedChild:
    ends, env = (files.stdin, files.out, files.complaints), _environment()
    if isinstance(command, Path):
        child = fork_child(command, guard, cwd, env, [end.fileno() for end in ends], sources)
        if child:
            return child
        command = [sys.executable, "-I", str(command)]
    stdin, out, complaints = ends
    return subprocess.Popen(
        guarded(command, guard), cwd=cwd, env=env, stdin=stdin, stdout=out, stderr=complaints, pass_fds=sources
    )


class _Files:
    """The three ends of a child, as files without a name: a parent that is killed leaves nothing."""

    def __init__(self, stdin: bytes) -> None:
        self.stdin, self.out, self.complaints = (tempfile.TemporaryFile() for _ in range(3))  # noqa: SIM115
        self.stdin.write(stdin)
        self.stdin.seek(0)

    def __enter__(self) -> _Files:
        return self

    def __exit__(self, *exc_info: object) -> None:
        for file in (self.stdin, self.out, self.complaints):
            file.close()


def _guard(limits: Limits, cwd: Path | None, sources: Sequence[Source]) -> Guard:
    written = ["/dev/null", *([str(cwd)] if cwd else [])]
    return Guard(
        memory_bytes=limits.memory_mb << 20,
        cpu_s=int(limits.wall_s) + 1,
        file_bytes=limits.output_mb << 20,
        confined=True,
        readable=[*_programs(), *(str(source.path) for source in sources)],
        listable=[str(_PACKAGE.parent)],  # imports look at the names beside our package
        writable=written,
        niceness=_NICENESS,
    )


@lru_cache
def _programs() -> tuple[str, ...]:
    """Where Python, its packages and ours are, beside what the system gives."""
    packages = [*site.getsitepackages(), sys.prefix, sys.base_prefix, sys.exec_prefix]
    libraries = os.environ.get("LD_LIBRARY_PATH", "").split(":")
    return tuple(dict.fromkeys(path for path in (*_SYSTEM, *_DEVICES, *packages, *libraries, str(_PACKAGE)) if path))


def _environment() -> dict[str, str]:
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ}


def _wait(child: subprocess.Popen[bytes] | ForkedChild, cwd: Path | None, limits: Limits, file: str) -> TooLarge | None:
    """The limit at which it was ended, if it was; it has ended in any case."""
    began = time.monotonic()
    measured = began
    try:
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(timeout=_POLL_S)
                return None
            raise_if_stopped()
            now = time.monotonic()
            if now - began > limits.wall_s:
                return _too_long(limits, file)
            if cwd and now - measured > _SIZE_EVERY_S:
                measured = now
                if _size(cwd) > limits.output_mb << 20:
                    return too_much(limits, file)
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()


def _too_long(limits: Limits, file: str) -> TooLarge:
    remedy = "Raise MEDLEY_LIMITS__WALL_S if you trust the file"
    return TooLarge(f"takes more than {limits.wall_s:g} s to decode", file=file, remedy=remedy)


def too_much(limits: Limits, file: str) -> TooLarge:
    """Builds the error for a child that writes more than `limits.output_mb`."""
    remedy = "Raise MEDLEY_LIMITS__OUTPUT_MB if you trust the file"
    return TooLarge(f"makes more than {limits.output_mb} MB", file=file, remedy=remedy)


def _size(directory: Path) -> int:
    """Bytes of the files in it; children make no folders."""
    total = 0
    with os.scandir(directory) as entries:
        for entry in entries:
            try:
                total += entry.stat(follow_symlinks=False).st_size
            except FileNotFoundError:
                continue  # its work goes on meanwhile
    return total


def _text(stream: IO[bytes], most: int = _TAIL_BYTES) -> str:
    """The end of what a child wrote."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - most))
    text = stream.read().decode(errors="replace")
    return text.partition("\n")[2] if size > most and "\n" in text else text  # half a line says nothing
