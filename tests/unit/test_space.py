"""A full disk: what is written is tried again while a reserve is given back."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from medley.errors import NoSpace
from medley.report import ItemReport, ReportFile
from medley.system import disk as space
from medley.system.disk import Reserve, retry_while_disk_full


def test_a_write_is_tried_until_there_is_space() -> None:
    tries: list[int] = []

    @retry_while_disk_full
    def write() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise OSError(errno.ENOSPC, "full")
        return "written"

    assert (write(), len(tries)) == ("written", 3)


def test_a_disk_that_stays_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(space, "_TRY_S", 0.0)

    @retry_while_disk_full
    def write() -> None:
        raise OSError(errno.EDQUOT, "quota")

    with pytest.raises(NoSpace, match="no space left"):
        write()


def test_other_errors_are_not_tried_again() -> None:
    tries: list[int] = []

    @retry_while_disk_full
    def write() -> None:
        tries.append(1)
        raise PermissionError(errno.EACCES, "no")

    with pytest.raises(PermissionError):
        write()
    assert tries == [1]


def test_a_reserve_leaves_no_name_and_is_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reserve = Reserve(tmp_path)
    assert (list(tmp_path.iterdir()), reserve.exhausted()) == ([], None)
    monkeypatch.setattr(space, "_LEAST_MB", 1 << 40)  # more than any disk has
    full = reserve.exhausted()
    assert full is not None
    assert str(tmp_path) in str(full)
    assert reserve._file.closed
    reserve.release()


def test_an_entry_is_whole_or_not_there(tmp_path: Path) -> None:
    report = ReportFile(tmp_path / "run")
    report.add(ItemReport("a.mp4", "complete"))
    report.add(ItemReport("ünïcödé.mp4", "failed"))
    assert [item["path"] for item in report.items()] == ["a.mp4", "ünïcödé.mp4"]
    assert report.path.read_bytes().endswith(b"\n")
