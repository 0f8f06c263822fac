"""Upload folders: what counts as whole, what is noted, when the bell rings; the catalog's uploads."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flows.uploads import drain
from flows.uploads.drain import CLAIM
from flows.uploads.folder import Folder
from flows.uploads.notifier import UploadNotifier
from medley.catalog import Catalog, open_catalog
from medley.catalog.uploads import Upload, Uploads
from medley.catalog.views import status_items, status_totals
from medley.settings import Settings
from medley.sources.stability import StabilityTracker, files_in, is_temporary
from medley.system.mounts import on_network
from tests.conftest import eventually


@pytest.fixture
def catalog(settings: Settings) -> Catalog:
    return open_catalog(settings)


@pytest.fixture
def uploads(catalog: Catalog) -> Uploads:
    return Uploads(catalog.engine)


def upload(path: str, version: str = "1") -> Upload:
    return Upload(path, "/in", version)


def write(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_a_quiet_file_is_whole_and_a_growing_one_is_not(tmp_path: Path) -> None:
    landing, path = StabilityTracker(), write(tmp_path / "a.mp4")
    landing.touch(path, 0.0)
    assert landing.whole(5.9) == []
    write(path, b"more of it")
    assert landing.whole(6.1) == []
    assert landing.whole(18.2) == [], "twice the pause of six seconds"
    assert landing.whole(18.4) == [path]
    assert landing.whole(99.0) == [], "told once"


def test_a_closed_file_is_whole_sooner_unless_it_is_opened_again(tmp_path: Path) -> None:
    landing, path = StabilityTracker(), write(tmp_path / "a.mp4")
    landing.touch(path, 0.0)
    landing.touch(path, 1.0, closed=True)
    assert landing.whole(2.9) == []
    assert landing.whole(3.0) == [path]
    landing.touch(path, 4.0, closed=True)
    write(path, b"appended")
    landing.touch(path, 5.0)
    assert landing.whole(7.5) == []
    assert landing.whole(11.0) == [path]


def test_a_file_that_is_appended_to_is_taken_when_nobody_comes_back(tmp_path: Path) -> None:
    landing, path = StabilityTracker(), tmp_path / "log.wav"
    taken = []
    for n in range(60):  # opened, written to and closed every five seconds
        now = 5.0 * n
        write(path, b"x" * (n + 1))
        os.utime(path, ns=(n + 1, n + 1))
        landing.touch(path, now)
        landing.touch(path, now + 0.1, closed=True)
        taken += [now + later for later in (1.0, 2.0, 3.0, 4.0) if landing.whole(now + later)]
    assert taken == [3.0], "once, before it was known"
    later = [at for at in range(300, 400) if landing.whole(float(at))]
    assert later == [356]
    write(other := tmp_path / "another.wav")
    landing.touch(other, 400.0, closed=True)
    assert landing.whole(402.0) == [other], "not for everybody's sake"


def test_a_closed_file_that_ends_as_its_format_wants_is_whole_at_once(tmp_path: Path) -> None:
    landing, path = StabilityTracker(), write(tmp_path / "a.jpg", b"\xff\xd8\xff\xe0 half of it")
    landing.touch(path, 0.0, closed=True)
    assert landing.whole(0.2) == []
    write(path, b"\xff\xd8\xff\xe0 all of it \xff\xd9")
    landing.touch(path, 1.0)
    assert landing.whole(1.2) == [], "somebody has it open"
    landing.touch(path, 1.4, closed=True)
    assert landing.whole(1.5) == [], "and has come back to it once: that may happen again"
    assert landing.whole(7.5) == [path]
    at_once = write(tmp_path / "b.jpg", b"\xff\xd8\xff\xe0 all of it \xff\xd9")
    landing.touch(at_once, 8.0, closed=True)
    assert landing.whole(8.0) == [at_once]


def test_a_file_that_is_written_with_pauses_gets_twice_the_longest(tmp_path: Path) -> None:
    landing, path = StabilityTracker(), write(tmp_path / "a.mp4")
    for n, now in enumerate((0.0, 1.0, 6.5, 7.0)):
        write(path, b"x" * (n + 1))
        landing.touch(path, now)
    assert landing.whole(13.5) == [], "six seconds are no pause for whoever writes this one"
    assert landing.whole(18.0) == [path]


def test_an_empty_file_gets_a_minute(tmp_path: Path) -> None:
    landing, path = StabilityTracker(), write(tmp_path / "a.mp4", b"")
    landing.touch(path, 0.0, closed=True)
    assert landing.whole(59.0) == []
    assert landing.whole(60.0) == [path], "then a run says what is wrong with it"


def test_what_is_gone_temporary_or_a_link_is_no_candidate(tmp_path: Path) -> None:
    landing, gone, real = StabilityTracker(), write(tmp_path / "gone.mp4"), write(tmp_path / "real.mp4")
    link = tmp_path / "link.mp4"
    link.symlink_to(real)
    landing.touch(gone, 0.0)
    gone.unlink()
    for path in (link, write(tmp_path / "a.mp4.part"), tmp_path / "missing.mp4", tmp_path):
        landing.touch(path, 0.0)
    assert landing.whole(100.0) == []


@pytest.mark.parametrize("name", ["a.mp4.part", "A.CRDOWNLOAD", ".a.mp4.Xy12", "~$a.mp4", "a.mp4~", "b.tmp"])
def test_temporary_names(name: str) -> None:
    assert is_temporary(Path(name))
    assert not is_temporary(Path("part.mp4"))


def test_files_below_a_folder(tmp_path: Path) -> None:
    for name in ("a.mp4", "deep/er/b.mp4", "done/c.mp4", "failed/d.mp4", "deep/done/e.mp4", ".hidden/f.mp4", "g.part"):
        write(tmp_path / name)
    (tmp_path / "link").symlink_to(tmp_path / "deep")
    assert {str(path.relative_to(tmp_path)) for path in files_in(tmp_path)} == {
        "a.mp4",
        "deep/er/b.mp4",
        "deep/done/e.mp4",
    }


def test_uploads_are_taken_once_and_newer_content_waits_again(catalog: Catalog, uploads: Uploads) -> None:
    catalog.begin_run("run", "upload", "demo")
    first, second = upload("/in/a"), upload("/in/b")
    uploads.record(uploads.unknown([first, second]))
    assert uploads.unknown([first, second]) == []
    assert [file.path for file in uploads.take("run", 10)] == ["/in/a", "/in/b"]
    assert uploads.take("run", 10) == []
    changed = upload("/in/a", "2")
    assert uploads.unknown([changed, second]) == [changed]
    uploads.record([changed])
    uploads.settle(first, done=True)
    uploads.settle(second, done=True)
    assert uploads.waiting_paths(10) == ["/in/a"], "the run was through with the old content only"


def test_what_waits_is_in_the_status(catalog: Catalog, uploads: Uploads) -> None:
    uploads.record([upload("/in/a")])
    items = status_items(catalog.engine, failed_only=False)
    assert [(item["path"], item["status"], item["asset_id"]) for item in items] == [("/in/a", "pending", None)]
    assert status_totals(catalog.engine) == {"items": 1, "pending": 1, "assets": 0}


def test_what_a_dead_or_stopped_run_had_taken_waits_again(catalog: Catalog, uploads: Uploads) -> None:
    catalog.begin_run("run", "upload", "demo")
    uploads.record([upload("/in/a")])
    uploads.take("run", 10)
    assert uploads.waiting_paths(10) == []
    catalog.end_run("run", "failed", {})
    assert uploads.waiting_paths(10) == ["/in/a"]


def test_put_back_files_wait_for_their_time(catalog: Catalog, uploads: Uploads) -> None:
    catalog.begin_run("run", "upload", "demo")
    uploads.record([upload("/in/lost"), upload("/in/cancelled")])
    cancelled, lost = uploads.take("run", 10)
    uploads.put_back(lost, by_itself=True)
    uploads.put_back(cancelled, by_itself=False)
    assert uploads.waiting_paths(10) == [], "one waits for a pause, the other for somebody"
    assert [file.path for file in uploads.take("run", 10)] == ["/in/cancelled"], "any run takes it along"
    uploads.put_back(cancelled, by_itself=False)
    uploads.wake()
    assert uploads.waiting_paths(10) == ["/in/cancelled"]


def test_a_folder_notes_what_lands(tmp_path: Path, uploads: Uploads) -> None:
    root = tmp_path / "in"
    before = write(root / "before.mp4")
    folder = Folder(root, "keep", uploads, StabilityTracker(quiet_s=0.0, closed_s=0.0))
    try:
        assert folder.look(0.0) == 1
        write(root / "sub" / "new.mp4")
        write(root / "done" / "old.mp4")
        noted = eventually(lambda: folder.look(1.0), 20)
        assert noted == 1
        assert uploads.waiting_paths(10) == [str(before), str(root / "sub" / "new.mp4")]
        write(before, b"other content")
        assert eventually(lambda: folder.look(2.0), 20) == 1
        assert folder.look(1000.0) == 0, "looking again finds nothing new"
    finally:
        folder.close()


def test_network_mounts_are_known() -> None:
    mounts = "/dev/sda1 / ext4 rw 0 0\nserver:/x /mnt/my\\040share nfs4 rw 0 0\nuser@h: /home/u/far fuse.sshfs rw 0 0\n"
    assert on_network(Path("/mnt/my share/in"), mounts)
    assert on_network(Path("/home/u/far"), mounts)
    assert not on_network(Path("/home/u/near"), mounts)


class Rung(UploadNotifier):
    """Counts instead of telling Prefect."""

    times: list[float]

    def _tell(self, paths: list[str], now: float) -> bool:
        self.times.append(now)
        return True


@pytest.fixture
def notifier(catalog: Catalog, uploads: Uploads, settings: Settings) -> Rung:
    made = Rung("/in", catalog, uploads, settings)
    made.times = []
    return made


def test_one_ring_for_a_burst(notifier: Rung, uploads: Uploads, catalog: Catalog) -> None:
    for n in range(7):  # whole one after the other, as their sizes are
        uploads.record([upload(f"/in/{n}")])
        notifier.landed(1)
        notifier.emit_if_due(100.0 + 3 * n)
    assert notifier.times == [100.0], "at once, and the run that was rung for takes what lands until it begins"
    catalog.begin_run("run", "upload", "demo")
    assert len(uploads.take("run", 100)) == 7
    uploads.record([upload("/in/late")])
    notifier.landed(1)
    notifier.emit_if_due(127.5)
    assert notifier.times == [100.0, 127.5], "the run that was rung for has them; this one is another's"


def test_a_run_that_has_worked_stays_for_what_lands_right_after(uploads: Uploads, catalog: Catalog) -> None:
    parent: Any = SimpleNamespace(uploads=uploads, run_id="run")
    catalog.begin_run("run", "upload", "demo")
    assert drain._next_batch(parent, 0.0) == []
    later = threading.Timer(0.5, lambda: uploads.record([upload("/in/late")]))
    later.start()
    assert [file.path for file in drain._next_batch(parent, 30.0)] == ["/in/late"]
    later.join()


def test_no_ring_while_a_run_drains_and_another_one_when_it_has_died(
    notifier: Rung, catalog: Catalog, uploads: Uploads
) -> None:
    catalog.begin_run("run", "upload", "demo")
    uploads.record([upload("/in/a")])
    assert catalog.claim([CLAIM], "run")
    notifier.landed(1)
    notifier.emit_if_due(103.0)
    assert notifier.times == []
    catalog.end_run("run", "failed", {})
    notifier.emit_if_due(109.0)
    notifier.emit_if_due(115.0)
    assert notifier.times == [109.0], "not again at once"
    notifier.emit_if_due(140.0)
    assert notifier.times == [109.0, 140.0], "the event was lost: nobody has taken it"


def test_mtime_in_the_past_counts_from_when_it_was_seen(tmp_path: Path) -> None:
    landing, path = StabilityTracker(), write(tmp_path / "a.mp4")
    os.utime(path, (time.time() - 9999, time.time() - 9999))
    landing.touch(path, 0.0)
    assert landing.whole(1.0) == []
