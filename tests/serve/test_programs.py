"""What other programs get: records as files, moments as a video, figures, retrievers, a reranker behind a URL."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pyarrow.parquet as pq
import pytest
from langchain_core.retrievers import BaseRetriever
from langchain_tests.integration_tests import RetrieversIntegrationTests
from llama_index.core.base.base_retriever import BaseRetriever as LlamaRetriever

from flows.commands.cli import main
from medley.integrations.langchain import MedleyRetriever
from medley.integrations.llamaindex import MedleyRetriever as MedleyLlamaRetriever
from medley.media.ffmpeg import ffmpeg_program
from tests.serve.conftest import PAGE_TWO, SECRET, Served


@pytest.fixture
def run_here(served: Served, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command for the served index, or another home."""
    for name, value in served.env.items():
        monkeypatch.setenv(name, value)

    def call(*arguments: object, home: Path | None = None) -> tuple[int, str, str]:
        monkeypatch.setenv("MEDLEY_HOME", str(home or served.home))
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


_WHOLE = pytest.mark.whole  # make test-platform


@pytest.mark.parametrize("form", ["parquet", pytest.param("jsonl", marks=_WHOLE), pytest.param("lance", marks=_WHOLE)])
def test_records_go_to_another_index_by_files(run_here: Any, tmp_path: Path, form: str, served: Served) -> None:
    code, out, _ = run_here("export", "--format", form, "--out", tmp_path / "out", "--json")
    told = json.loads(out)
    assert (code, len(told["files"])) == (0, 2), "a file for each space"
    assert run_here("export", "--format", form, "--out", tmp_path / "out")[0] == 2, "nothing is written over"
    if form == "parquet":
        rows = [row for file in told["files"] for row in pq.read_table(file).to_pylist()]
        [page] = [row for row in rows if row["text"] == PAGE_TWO]
        assert (page["page"], page["path"], len(page["box"])) == (2, str(served.files / "birds.pdf"), 4)
        assert (len(page["vector"]), page["space"], len(page["run_id"])) == (384, "text", 36)
    code, out, err = run_here("import", tmp_path / "out", home=tmp_path / "home")
    assert code == 0, err
    assert out == f"{told['records']} records of {told['assets']} files\n"
    code, out, _ = run_here("search", "migrating geese", "--json", "--limit", "1", home=tmp_path / "home")
    assert json.loads(out)["hits"][0]["text"] == PAGE_TWO
    code, out, _ = run_here("search", "the museum", "--language", "en", "--json", home=tmp_path / "home")
    assert json.loads(out)["hits"], "marks come with the records"
    code, out, _ = run_here("rebuild-index", home=tmp_path / "home")
    assert out == f"{told['records']} records of {told['assets']} assets\n"


def test_what_is_no_file_of_records_is_refused(run_here: Any, tmp_path: Path) -> None:
    (tmp_path / "bad.parquet").write_bytes(b"no parquet")
    (tmp_path / "bad.jsonl").write_text("no json\n")
    for wrong in (tmp_path, tmp_path / "gone.parquet", tmp_path / "bad.parquet", tmp_path / "bad.jsonl"):
        code, _, err = run_here("import", wrong, home=tmp_path / "home")
        assert (code, err.startswith("medley: "), "Traceback" in err) == (2, True, False), err


def test_a_reel_has_the_moments_that_fit(run_here: Any, tmp_path: Path) -> None:
    reel = tmp_path / "reel.mp4"
    code, out, err = run_here("clip", "an orange star", "--out", reel, "--limit", "2")
    assert code == 0, err
    assert "sample.mp4" in out
    probed = subprocess.run([ffmpeg_program(), "-i", str(reel)], capture_output=True, text=True).stderr
    assert "1280x720" in probed
    assert "aac" in probed
    code, _, err = run_here("clip", "how to tie a bow tie", "--out", reel)
    assert (code, "fits" in err) == (2, True)
    assert run_here("clip", "an orange star", "--out", "/nowhere/reel.mp4")[0] == 2


def test_figures_before_and_after(run_here: Any, tmp_path: Path) -> None:
    judged = tmp_path / "judgments.jsonl"
    lines = [
        {"query": "migrating geese", "relevant": [{"file": "birds.pdf", "page": 2}], "kind": "page"},
        {"query": "an orange star", "relevant": [{"file": "sample.mp4"}], "kind": "frame"},
        {"query": "how to tie a bow tie", "relevant": []},
    ]
    judged.write_text("\n".join(map(json.dumps, lines)))
    code, out, _ = run_here("eval", judged, "--json", "--save", tmp_path / "before.json")
    told = json.loads(out)
    assert code == 0
    assert (told["all"]["first"], told["all"]["mrr"], told["all"]["false_answers"]) == (1.0, 1.0, 0.0)
    assert told["page"]["first"] == 0.5, "pages alone know nothing of stars"
    better = {**told, "all": {**told["all"], "false_answers": -0.5}}
    (tmp_path / "before.json").write_text(json.dumps(better))
    code, out, _ = run_here("eval", judged, "--against", tmp_path / "before.json")
    assert (code, "(+0.500)" in out) == (1, True), out
    judged.write_text('{"query": ""}')
    code, _, err = run_here("eval", judged)
    assert (code, "line 1" in err) == (2, True)


class _Reranker(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        results = [{"index": n, "relevance_score": float("coast" in text)} for n, text in enumerate(asked["documents"])]
        body = json.dumps({"results": results}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def reranker() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Reranker)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_reranker_behind_a_url_has_a_say(served: Served, reranker: str) -> None:
    program = [sys.executable, "-m", "medley", "answer"]
    env = {**served.env, "MEDLEY_RERANKER__BASE_URL": reranker, "MEDLEY_SERVE__PORT": "1"}
    asked = {"query": "geese", "rerank": "endpoint", "modalities": ["page"]}
    # a process of its own: the service has other settings
    code = "import sys, json; from flows.serve.local import find_here; from flows.serve.request import SearchRequest; "
    code += "from medley.settings import load_settings; s = load_settings(); "
    code += f"print(json.dumps(find_here(SearchRequest(**{asked!r}), s)))"
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    first = json.loads(done.stdout.splitlines()[-1])["hits"][0]
    assert "coast" in first["text"]
    assert first["evidence"][0]["raw"]["rerank"] == 1.0
    away = subprocess.run(
        program, env=served.env, input=json.dumps(asked) + "\n", capture_output=True, text=True, timeout=120
    )
    assert json.loads(away.stdout)["error"]["reason"] == "no reranker is set"


class TestLangChain(RetrieversIntegrationTests):
    """LangChain's own tests of retrievers."""

    @pytest.fixture(autouse=True)
    def _serve(self, served: Served) -> None:
        type(self).served = served  # type: ignore[attr-defined]

    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return MedleyRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"index": self.served.url, "token": SECRET, "least": 0.0}  # type: ignore[attr-defined]

    @property
    def retriever_query_example(self) -> str:
        return "a red circle"


def test_documents_and_nodes_say_where_they_are(served: Served) -> None:
    [document] = MedleyRetriever(index=served.url, token=SECRET).invoke("migrating geese")
    assert (document.page_content, document.metadata["page"]) == (PAGE_TWO, 2)
    llama: LlamaRetriever = MedleyLlamaRetriever(served.url, token=SECRET, similarity_top_k=3)
    [node] = llama.retrieve("migrating geese")
    assert (node.text, node.metadata["path"], node.score) == (
        PAGE_TWO,
        str(served.files / "birds.pdf"),
        pytest.approx(1, abs=0.5),
    )
    assert llama.retrieve("how to tie a bow tie") == []
