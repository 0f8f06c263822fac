"""SIGKILL of an ingest at a random moment: the next one ends as one that nobody has disturbed."""

from __future__ import annotations

import random
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.services.shared import vector_store
from medley.settings import load_settings
from medley.stores.connect import open_store
from tests.conftest import SAMPLE, Medley, eventually
from tests.documents import both, pdf, picture, placed, text
from tests.processes.test_ends import end, start
from tests.traces import manifests, of_medley
from tests.variants import cut

_COLOURS = ("red", "green", "blue", "yellow", "purple", "orange")


@dataclass(frozen=True)
class Kill:
    """One moment."""

    seed: int

    @property
    def name(self) -> str:
        return f"{self.runner}-{self.seed}"

    @property
    def runner(self) -> str:
        return "ray" if self.seed % 2 else "local"


TABLE = [Kill(seed) for seed in range(20)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Path:
    """Pictures for several units, documents, two videos, and a bad one of each."""
    made = tmp_path_factory.mktemp("corpus")
    pictures, documents = (120, 10) if pytestconfig.getoption("--whole") else (40, 3)
    for n in range(pictures):
        picture((200 + n, 160), _COLOURS[n % 6], ("ellipse", "rectangle")[n % 2]).save(made / f"{n:03}.png")
    for n in range(documents):
        shown = placed(picture((300 + n, 200), _COLOURS[n % 6]), 100, 150, 200, 150)
        pdf(made / f"{n}.pdf", both(text((72, 100, f"Document {n} tells of {n * 37} elephants.")), shown))
    pdf(made / "scan.pdf", placed(picture(), 100, 150, 200, 150))
    for n in range(2):
        cut(SAMPLE, made / f"{n}.mp4", start_s=6 * n, seconds=4)
    (made / "cut.png").write_bytes((made / "000.png").read_bytes()[:200])
    (made / "cut.pdf").write_bytes((made / "0.pdf").read_bytes()[:200])
    (made / "cut.mp4").write_bytes((made / "0.mp4").read_bytes()[:2000])
    return made


def kept(answer: Any) -> dict[str, Any]:
    """What became of each file, and every record of the store."""
    status = {
        item["path"]: ("complete" if item["status"] == "unchanged" else item["status"], item["records"])
        for item in answer.report["items"]
    }
    rows: dict[str, tuple[str, list[float]]] = {}
    with vector_store(load_settings()) as address:
        store: Any = open_store(address)
        for name in [collection.name for collection in store.collections()]:
            store._client.load_collection(name)
            wanted = {"filter": 'id != ""', "output_fields": ["text", "vector"], "consistency_level": "Strong"}
            found = store._client.query(name, **wanted)
            assert len(found) < 16_000
            rows |= {row["id"]: (row["text"], row["vector"]) for row in found}
        store.close()
    return {"status": status, "rows": rows}


_undisturbed: dict[str, Any] = {}


@pytest.fixture
def undisturbed(folder: Path, medley_here: Medley, home: Path) -> dict[str, Any]:
    """What an ingest that is left alone makes of it; made once, in a home that is cleared for the test."""
    if not _undisturbed:
        answer = medley_here("ingest", folder, "--json")
        assert answer.code == 1, answer.err
        _undisturbed.update(kept(answer), manifests=len(manifests(home)))
        shutil.rmtree(home)
    return _undisturbed


@pytest.mark.table(share=20)
@pytest.mark.timeout(400)
def test_a_killed_ingest_is_as_if_it_had_not_been(
    case: Kill,
    folder: Path,
    undisturbed: dict[str, Any],
    home: Path,
    medley_here: Medley,
    prefect_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", prefect_url)
    rng = random.Random(case.seed)
    after = rng.randrange(1, undisturbed["manifests"])
    process = start("ingest", folder, "--json", "--runner", case.runner)
    eventually(lambda: len(manifests(home)) >= after or process.poll() is not None, 180)
    time.sleep(rng.random() / 2)
    process.send_signal(signal.SIGKILL)
    end(process)
    eventually(lambda: not of_medley(home), 30)
    done = manifests(home)

    answer = medley_here("ingest", folder, "--json")
    assert answer.code == 1, answer.err
    again = {place: made for place, made in manifests(home).items() if place in done}
    assert again == done, "what was done is not done again"
    found = kept(answer)
    assert found["status"] == undisturbed["status"]
    assert found["rows"].keys() == undisturbed["rows"].keys()
    for record, (said, vector) in found["rows"].items():
        assert said == undisturbed["rows"][record][0]
        assert float(np.dot(vector, undisturbed["rows"][record][1])) >= 0.999
