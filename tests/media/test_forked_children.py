"""Children that are forked from a process that has imported their program."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest

from medley.errors import Cancelled, TransientError
from medley.media.child import ChildResult, observe_child
from medley.setting_groups import Limits
from medley.system.stop import clear_stop, request_stop
from tests.conftest import eventually


def program(directory: Path, code: str) -> Path:
    """A job's program, whose children are forked."""
    path = directory / "program.py"
    path.write_text(f"CODE = {code!r}\nif __name__ == '__main__':\n    exec(CODE, {{}})\n")
    return path


def ran(path: Path, **limits: Any) -> ChildResult:
    return observe_child(path, cwd=None, limits=Limits(wall_s=60, **limits), file="x", stdin=b"[1]")


def zygote_of(path: Path) -> psutil.Process:
    alive = [p for p in psutil.Process().children() if p.status() != psutil.STATUS_ZOMBIE]
    [found] = [p for p in alive if str(path) in p.cmdline()]
    return found


def test_a_forked_child_is_a_process_like_any(tmp_path: Path) -> None:
    says = program(tmp_path, "import sys; print(sys.stdin.read()); print('why', file=sys.stderr); sys.exit(3)")
    assert [ran(says) for _ in range(2)] == [ChildResult(3, "[1]\n", "why\n")] * 2
    assert zygote_of(says).num_threads() == 1, "others would be lost in a fork"
    (tmp_path / "one").mkdir()
    dies = program(tmp_path / "one", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    assert ran(dies).returncode == -signal.SIGSEGV
    (tmp_path / "two").mkdir()
    fails = program(tmp_path / "two", "1 / 0")
    assert (ran(fails).returncode, "ZeroDivisionError" in ran(fails).stderr) == (1, True)


def test_a_forked_child_is_ended_at_a_limit_or_a_stop(tmp_path: Path) -> None:
    sleeps = program(tmp_path, "import time; time.sleep(600)")
    assert "takes more than" in str(observe_child(sleeps, cwd=None, limits=Limits(wall_s=0.3), file="x").over)
    assert zygote_of(sleeps).children() == []
    threading.Timer(0.3, request_stop).start()
    with pytest.raises(Cancelled):
        ran(sleeps)
    clear_stop()
    assert zygote_of(sleeps).children() == []
    hoards = program(tmp_path, "x = bytearray(2 << 30)")
    first = zygote_of(sleeps)
    first.kill()
    eventually(lambda: first.status() == psutil.STATUS_ZOMBIE)
    assert "MemoryError" in ran(hoards, memory_mb=1024).stderr, "another zygote has taken the place of the dead one"


def test_a_dead_zygote_is_no_fault_of_a_file(tmp_path: Path) -> None:
    sleeps = program(tmp_path, "import time; time.sleep(600)")

    def kill() -> None:
        eventually(lambda: zygote_of(sleeps).children() if ran_once.is_set() else None)
        zygote_of(sleeps).kill()

    ran_once = threading.Event()
    killer = threading.Thread(target=kill)
    observe_child(sleeps, cwd=None, limits=Limits(wall_s=0.1), file="x")
    ran_once.set()
    killer.start()
    with pytest.raises(TransientError, match="has been ended"):
        ran(sleeps)
    killer.join()


def test_forked_children_end_with_their_owner(tmp_path: Path) -> None:
    sleeps = program(tmp_path, "import time; time.sleep(600)")
    code = (
        "from pathlib import Path; from medley.media.child import observe_child; "
        "from medley.setting_groups import Limits; "
        f"observe_child(Path({str(sleeps)!r}), cwd=None, limits=Limits(), file='x')"
    )
    owner = psutil.Popen([sys.executable, "-c", code])
    family = eventually(lambda: found if len(found := owner.children(recursive=True)) == 2 else None)
    owner.kill()
    owner.wait()
    assert psutil.wait_procs(family, timeout=30)[1] == []


def test_what_cannot_be_imported_says_so_in_its_child(tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_text("import nothing_of_that_name")
    assert "nothing_of_that_name" in ran(path).stderr or "Permission" in ran(path).stderr
