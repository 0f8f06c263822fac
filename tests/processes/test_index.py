"""The Python interface, as a script and a notebook use it: beside modules of the same names as ours."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import medley
from medley.index import Index
from medley.results import Evidence, Hit, Hits, Item, Report
from tests.conftest import SAMPLE, eventually
from tests.documents import picture
from tests.traces import of_medley

SCRIPT = """
import json, sys, medley
assert not {"prefect", "ray", "torch", "pydantic"} & set(sys.modules), "import medley is light"
with medley.open(profile="demo") as index:
    report = index.ingest("red.png", "gone.png", options={"tags": "holiday"}, progress=lambda line: None)
    first = index.search("a red circle", limit=3)
    warm = index.search("", like="red.png", tags=["holiday"])
    told = {}
    for name, wrong in {"file": {"file": "/nowhere"}, "page": {"page": 0}}.items():
        try:
            index.search("x", **wrong)
        except medley.MedleyError as error:
            told[name] = f"{type(error).__name__}: {error}"
    status = index.status()
    receipt = index.forget("red.png")
    left = index.search("a red circle")
print(json.dumps({
    "items": {item.path: item.status for item in report.items}, "status": report.status, "failed": len(report.failed),
    "hits": [hit.path for hit in first], "like": [hit.path for hit in warm], "wrong": told,
    "totals": status.totals, "forgotten": receipt["assets"], "left": len(left),
    "ours": [name for name in ("tasks", "flows", "prefect", "ray") if name in sys.modules],
}))
"""


@pytest.mark.whole  # make test-platform has it
@pytest.mark.timeout(400)
def test_a_script_beside_its_own_tasks(
    home: Path, tmp_path: Path, prefect_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", prefect_url)
    monkeypatch.setenv("MEDLEY_RUNNER", "local")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    for name in ("tasks", "flows", "actors"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('the user\\'s own module was imported')\n")
    picture((200, 200), "red").save(tmp_path / "red.png")
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    red = str(tmp_path / "red.png")
    assert told["items"] == {"red.png": "complete", "gone.png": "failed"}
    assert (told["status"], told["failed"]) == ("partial", 1)
    assert (told["hits"], told["like"]) == ([red], [red])
    assert told["wrong"]["file"].startswith("SetupError: nothing is known of /nowhere")
    assert "page 0" in told["wrong"]["page"]
    assert (told["totals"]["complete"], len(told["forgotten"]), told["left"], told["ours"]) == (1, 1, 0, [])
    eventually(lambda: not of_medley(home), 30)


def test_what_is_wrong_with_a_call_is_raised(home: Path) -> None:
    index = medley.open(home)
    with pytest.raises(medley.MedleyError, match=r"--frames\.interval_s 0"):
        index.ingest(SAMPLE, options={"frames.interval_s": 0}, progress=lambda line: None)
    with pytest.raises(medley.MedleyError, match="there is no pipeline"):
        index.ingest(SAMPLE, pipeline="nothing", progress=lambda line: None)


def test_an_interrupt_ends_the_run_in_order(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a notebook's stop button does it: the process that works gets it, and everything it started ends."""
    monkeypatch.setenv("MEDLEY_RUNNER", "local")
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"  # ignored under nohup
    script = f"{heard}; import medley; medley.open().ingest({str(SAMPLE)!r})"
    process = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.PIPE, text=True)
    eventually(lambda: list(home.glob("runs/*/log.txt")), 60)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert "KeyboardInterrupt" in err
    eventually(lambda: not of_medley(home), 60)


def test_results_are_shown_as_tables(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8")
    shown = str(tmp_path / "a.jpg")
    moment = Evidence("r", "speech", 0.1, 12.4, 15.0, text="<b>said</b>")
    hit = Hit("/x/<talk>.mp4", "a" * 64, "r", "speech", 0.1, 12.4, 15.0, text="<b>said</b>", thumbnail=shown)
    hits = Hits("<q>", [hit, Hit(None, "b" * 64, "s", "page", 0.0, page=3, evidence=(moment,))])
    assert (hits[0].where, hits[1].where, len(hits[:1]), repr(hits)) == (
        "0:12.4 - 0:15.0",
        "page 3",
        1,
        "<2 hits for '<q>'>",
    )
    html = hits._repr_html_()
    assert "data:image/jpeg;base64,/9g=" in html
    assert "&lt;b&gt;said" in html
    assert "<b>said" not in html
    report = Report(
        "id",
        "ingest",
        "partial",
        1.0,
        0.0,
        None,
        (Item("a", "complete"), Item("b", "failed", error={"message": "torn"})),
    )
    assert "1 complete, 1 failed in 1.0 s" in report._repr_html_()
    with pytest.raises(medley.MedleyError, match="1 of 2 items: b: torn"):
        report.check()


def test_public_names_are_there_and_others_are_not() -> None:
    assert all(getattr(medley, name) for name in medley.__all__)
    assert isinstance(medley.open("/tmp/nowhere"), Index)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        medley.nothing  # noqa: B018
