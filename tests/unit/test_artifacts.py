"""The artifact store: all of it or nothing that counts."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from medley.artifacts import MANIFEST, ArtifactStore, Manifest, sha256_of
from medley.errors import NoSpace, SetupError
from tests.fakes import asset_id

KEY = (asset_id("video"), "chunk", "f" * 32)


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


def make(store: ArtifactStore, text: str = "one", run_id: str = "run-1") -> Path:
    """An artifact of two files."""
    with store.create(*KEY, run_id) as draft:
        (draft.directory / "a.txt").write_text(text)
        (draft.directory / "deep").mkdir()
        (draft.directory / "deep" / "b.txt").write_text("b")
        draft.data["facts"] = [1, 2]
    return store.directory(*KEY)


def everything(store: ArtifactStore) -> list[str]:
    """Files and directories of the stage's directory."""
    return sorted(str(path.relative_to(store.root / KEY[0][:2] / KEY[0] / "chunk")) for path in _tree(store))


def _tree(store: ArtifactStore) -> list[Path]:
    return list(store.directory(*KEY).parent.rglob("*"))


def found(store: ArtifactStore) -> Manifest:
    manifest = store.find(*KEY)
    assert manifest is not None
    return manifest


def test_nothing_counts_before_the_block_ends(store: ArtifactStore) -> None:
    with store.create(*KEY, "run-1") as draft:
        (draft.directory / "a.txt").write_text("one")
        assert store.find(*KEY) is None
        assert not store.directory(*KEY).exists()
    assert list(found(store).files) == ["a.txt"]


def test_manifest_says_what_was_made(store: ArtifactStore) -> None:
    directory = make(store)
    assert directory == store.root / KEY[0][:2] / KEY[0] / "chunk" / KEY[2]
    manifest = found(store)
    assert (manifest.stage, manifest.fingerprint, manifest.run_id) == ("chunk", KEY[2], "run-1")
    assert manifest.data == {"facts": [1, 2]}
    assert manifest.files == {
        name: {"size": (directory / name).stat().st_size, "sha256": sha256_of(directory / name)}
        for name in ("a.txt", "deep/b.txt")
    }
    assert sha256_of(directory / "deep" / "b.txt") == "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d"


def _write_and_fail(directory: Path) -> None:
    (directory / "a.txt").write_text("one")
    (directory / "b.txt").read_text()


def test_an_error_leaves_nothing(store: ArtifactStore) -> None:
    with pytest.raises(FileNotFoundError), store.create(*KEY, "run-1") as draft:
        _write_and_fail(draft.directory)
    assert store.find(*KEY) is None
    assert everything(store) == []


def test_an_error_leaves_what_was_there(store: ArtifactStore) -> None:
    directory = make(store, "old")
    with pytest.raises(ZeroDivisionError), store.create(*KEY, "run-2"):
        raise ZeroDivisionError
    assert found(store).run_id == "run-1"
    assert (directory / "a.txt").read_text() == "old"


def test_missing_or_resized_file_is_no_artifact(store: ArtifactStore) -> None:
    directory = make(store)
    (directory / "a.txt").write_text("longer than before")
    assert store.find(*KEY) is None
    (directory / "a.txt").write_text("two")  # the size it had
    assert store.find(*KEY) is not None
    (directory / "deep" / "b.txt").unlink()
    assert store.find(*KEY) is None
    assert make(store, "anew") == directory
    assert (directory / "a.txt").read_text() == "anew"
    assert found(store).files.keys() == {"a.txt", "deep/b.txt"}


WHOLE: dict[str, Any] = {"stage": "s", "fingerprint": "f", "run_id": "r", "created": "c", "files": {}, "data": {}}


@pytest.mark.parametrize(
    "torn",
    [
        "",
        "{",
        "[]",
        "{}",
        json.dumps({**WHOLE, "more": 1}),
        json.dumps({**WHOLE, "files": {"a.txt": {}}}),
        json.dumps({**WHOLE, "files": ["a.txt"]}),
        json.dumps({**WHOLE, "files": None}),
    ],
)
def test_torn_manifest_counts_as_absent(store: ArtifactStore, torn: str) -> None:
    directory = make(store)
    (directory / MANIFEST).write_text(json.dumps(WHOLE))
    assert store.find(*KEY) is not None
    (directory / MANIFEST).write_text(torn)
    assert store.find(*KEY) is None


def test_a_new_one_takes_the_place_of_the_old(store: ArtifactStore) -> None:
    make(store, "old")
    with store.create(*KEY, "run-2") as draft:
        (draft.directory / "c.txt").write_text("new")
        assert found(store).run_id == "run-1", "the old one stands until the new one is whole"
    assert found(store).run_id == "run-2"
    assert everything(store) == [KEY[2], f"{KEY[2]}/c.txt", f"{KEY[2]}/{MANIFEST}"]


def test_drafts_of_killed_workers_are_swept(store: ArtifactStore) -> None:
    stage = store.directory(*KEY).parent
    for name in (f".{KEY[2]}.0123abcd", f".{KEY[2]}.0123abcd.old", ".another.0123abcd"):
        (stage / name).mkdir(parents=True)
        (stage / name / "half").write_text("half")
    make(store)
    assert sorted(path.name for path in stage.iterdir()) == [".another.0123abcd", KEY[2]]


def test_remove_takes_one_and_bears_absence(store: ArtifactStore) -> None:
    store.remove(*KEY)
    make(store)
    with store.create(KEY[0], "chunk", "e" * 32, "run-1"):
        pass
    store.remove(*KEY)
    assert store.find(*KEY) is None
    assert everything(store) == ["e" * 32, f"{'e' * 32}/{MANIFEST}"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_is_the_machines_fault(store: ArtifactStore, number: int) -> None:
    with pytest.raises(NoSpace, match="no space left") as caught, store.create(*KEY, "run-1"):
        raise OSError(number, "full")
    assert isinstance(caught.value, SetupError)
    assert caught.value.remedy
    assert everything(store) == []


def test_other_os_errors_stay_what_they_are(store: ArtifactStore) -> None:
    with pytest.raises(PermissionError), store.create(*KEY, "run-1"):
        raise PermissionError(errno.EACCES, "no")


FULL = """
import resource, sys
from pathlib import Path
from medley.artifacts import ArtifactStore
from medley.errors import NoSpace
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    with ArtifactStore(Path(sys.argv[1])).create("a" * 64, "chunk", "f", "run-1") as draft:
        if sys.argv[2] == "file":
            (draft.directory / "big").write_bytes(b"x" * 2000)
        else:
            draft.data["big"] = "x" * 2000
except NoSpace as error:
    print("NoSpace", error.remedy)
"""


@pytest.mark.parametrize("where", ["file", "manifest"])
def test_a_write_that_really_fails(tmp_path: Path, where: str) -> None:
    done = subprocess.run([sys.executable, "-c", FULL, tmp_path / "root", where], capture_output=True, text=True)
    assert done.stdout == "NoSpace Free some space and run again\n", done.stderr
    assert [path for path in (tmp_path / "root").rglob("*") if path.is_file()] == []
