"""Decoders of somebody else's bytes see the file they are given, the directory they write into, and nothing else."""

from __future__ import annotations

import json
import os
import resource
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from medley.artifacts import sha256_of
from medley.errors import MissingFile, TooLarge, UnsupportedMedia
from medley.media import child
from medley.media.budget import decoder_slot, decoders_at_once
from medley.media.child import ChildResult, run_child
from medley.media.isolation import ways_out
from medley.media.source import asset_source, open_source
from medley.setting_groups import Limits
from medley.system.confine import landlock_version
from medley.system.launch import guarded
from medley.types import Asset, MediaInfo
from tests.media.test_forked_children import program

LIMITS = Limits(wall_s=60)
#: Tries what its argument says, and prints what came of it as JSON.
TRIES = """
import json, os, signal, socket, subprocess, sys, threading

def outcome(do):
    try:
        return str(do())[:80]
    except BaseException as error:
        return type(error).__name__

def in_a_thread():
    done = []
    threads = [threading.Thread(target=done.append, args=(n,)) for n in range(3)]
    [thread.start() for thread in threads], [thread.join() for thread in threads]
    return sorted(done)

canary, port, source = sys.argv[1], int(sys.argv[2]), sys.argv[3]
print(json.dumps({
    "canary": outcome(lambda: open(canary).read()),
    "passwd": outcome(lambda: open("/etc/passwd").read()),
    "listing": outcome(lambda: os.listdir(os.path.dirname(canary))),
    "source": outcome(lambda: open(source).read()),
    "own": outcome(lambda: open("made.txt", "w").write("x")),
    "link": outcome(lambda: os.symlink("/etc/passwd", "link")),
    "outside": outcome(lambda: open(os.path.dirname(canary) + "/planted", "w")),
    "connect": outcome(lambda: socket.create_connection(("127.0.0.1", port), 2)),
    "fork": outcome(os.fork),
    "exec": outcome(lambda: subprocess.run(["/bin/true"])),
    "signal": outcome(lambda: os.kill(os.getppid(), 0)),
    "threads": outcome(in_a_thread),
    "environment": dict(os.environ),
}))
"""


def python(code: str, *arguments: str) -> list[str]:
    return [sys.executable, "-I", "-c", code, *arguments]


@pytest.fixture(params=["started", "forked"])
def tried(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    monkeypatch.setenv("MEDLEY_TOKEN", "a secret of ours")
    (tmp_path / "elsewhere").mkdir()
    canary, source, work = tmp_path / "elsewhere" / "canary", tmp_path / "source", tmp_path / "work"
    canary.write_text("nobody's business")
    source.write_text("the file")
    work.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as listener, open_source(source) as opened:
        command: list[str] | Path = python(TRIES, str(canary), str(listener.getsockname()[1]), str(opened.path))
        if request.param == "forked":
            given = [str(canary), str(listener.getsockname()[1]), str(opened.path)]
            command = program(tmp_path, f"import sys; sys.argv[1:] = {given!r}{TRIES}")
        result = run_child(command, cwd=work, limits=LIMITS, file="x", sources=[opened])
        listener.settimeout(0.2)
        with pytest.raises(TimeoutError):
            listener.accept()
    assert not (tmp_path / "elsewhere" / "planted").exists()
    return dict(json.loads(result.stdout))


def test_a_decoder_reads_its_file_and_writes_its_directory(tried: dict[str, object]) -> None:
    assert (tried["source"], tried["own"], tried["threads"]) == ("the file", "1", "[0, 1, 2]")


@pytest.mark.skipif(not landlock_version(), reason="this kernel has no Landlock")
def test_a_decoder_sees_no_other_file(tried: dict[str, object]) -> None:
    for name in ("canary", "passwd", "listing", "outside", "link"):
        assert tried[name] == "PermissionError", name


def test_a_decoder_has_no_network_and_starts_nothing(tried: dict[str, object]) -> None:
    for name in ("connect", "fork", "exec"):
        assert tried[name] == "PermissionError", name
    assert tried["signal"] in ("PermissionError", "None" if landlock_version() < 6 else "PermissionError")


def test_a_decoder_knows_none_of_our_secrets(tried: dict[str, object]) -> None:
    environment = tried["environment"]
    assert isinstance(environment, dict)
    assert "a secret of ours" not in environment.values()
    assert set(environment) <= {
        "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE",
        "OPENBLAS_NUM_THREADS"
    }  # fmt: skip


def grown(tmp_path: Path, code: str) -> ChildResult:
    return run_child(python(code), cwd=tmp_path, limits=Limits(wall_s=60, output_mb=8), file="/x.mp4")


def test_one_file_grows_no_further_than_it_may(tmp_path: Path) -> None:
    result = grown(tmp_path, "open('big', 'wb').write(bytes(9 << 20))")
    assert "File too large" in result.stderr
    assert (tmp_path / "big").stat().st_size <= 8 << 20


def test_many_files_grow_no_further_than_they_may(tmp_path: Path) -> None:
    with pytest.raises(TooLarge, match="makes more than 8 MB"):
        grown(tmp_path, "import time\nfor n in range(9): open(str(n), 'wb').write(bytes(1 << 20))\ntime.sleep(60)")


def test_a_limit_of_the_parent_stays(tmp_path: Path) -> None:
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20)); "
        "from pathlib import Path; from medley.media.child import run_child; from medley.setting_groups import Limits; "
        "c = [sys.executable, '-c', 'import resource; print(resource.getrlimit(resource.RLIMIT_FSIZE)[0])']; "
        f"print(run_child(c, cwd=Path({str(tmp_path)!r}), limits=Limits(), file='x').stdout)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) == 1 << 20
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


def test_no_more_decoders_than_the_machine_has_memory_for() -> None:
    whole = Limits(memory_mb=1 << 30)
    assert decoders_at_once(whole) == 1
    waited = threading.Event()

    def wait() -> None:
        with decoder_slot(whole):
            waited.set()

    with decoder_slot(whole):
        second = threading.Thread(target=wait)
        second.start()
        assert not waited.wait(0.5)
    assert waited.wait(10)
    second.join()


# what is hashed is what is decoded


@pytest.fixture
def asset(tmp_path: Path) -> Asset:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"first")
    with open_source(path) as source:
        return Asset(sha256_of(path), str(path), 5, MediaInfo("mov", "video/mp4"), source.stamp)


def test_the_bytes_that_were_hashed_are_read(asset: Asset) -> None:
    with asset_source(asset) as source:
        Path(asset.path).rename(asset.path + ".old")
        Path(asset.path).write_bytes(b"other")
        assert source.path.read_bytes() == b"first"


def test_what_was_swapped_before_is_not_read(asset: Asset, tmp_path: Path) -> None:
    known = os.stat(asset.path)
    Path(asset.path).write_bytes(b"other")  # the same size and, below, the same time
    os.utime(asset.path, ns=(known.st_atime_ns, known.st_mtime_ns))
    with pytest.raises(MissingFile, match="changed after it was identified"), asset_source(asset):
        raise AssertionError("it was opened")
    (tmp_path / "other").write_bytes(b"third")
    Path(asset.path).unlink()
    Path(asset.path).symlink_to(tmp_path / "other")
    with pytest.raises(MissingFile, match="changed after it was identified"), asset_source(asset):
        raise AssertionError("it was followed")


def test_what_is_written_to_meanwhile_does_not_count(asset: Asset) -> None:
    with pytest.raises(MissingFile, match="changed after it was identified"), asset_source(asset):
        Path(asset.path).write_bytes(b"other")


def test_other_rights_are_no_other_bytes(asset: Asset) -> None:
    Path(asset.path).chmod(0o400)
    with asset_source(asset) as source:
        assert source.path.read_bytes() == b"first"


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnsupportedMedia, match="no regular file"), open_source(tmp_path / "pipe"):
        pass


# what doctor says of it


@pytest.mark.skipif(landlock_version() < 6, reason="this kernel's Landlock is older than signals in it")
def test_nothing_is_open_here(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ways_out(LIMITS) == []
    monkeypatch.setattr(child, "guarded", lambda command, guard: guarded(command, guard._replace(confined=False)))
    assert ways_out(LIMITS) == ["other files", "the network", "starting processes", "signals to other processes"]
