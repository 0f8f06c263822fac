"""A run as OpenTelemetry sees it, and its log as programs read it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from medley.system import tracing
from tests import documents
from tests.conftest import Medley


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """Where the spans of this test go to."""
    monkeypatch.setenv("MEDLEY_TRACES", "true")
    exporter = InMemorySpanExporter()
    tracing.begin_tracing(exporter)
    yield exporter
    tracing._tracer.clear()


def parents(spans: tuple[ReadableSpan, ...]) -> set[tuple[str, str]]:
    """Each span with the one that it is part of."""
    names = {span.context.span_id: span.name for span in spans if span.context}
    return {(span.name, names.get(span.parent.span_id, "?") if span.parent else "") for span in spans}


def test_a_run_its_stages_models_and_the_store_are_one_trace(
    medley: Medley, spans: InMemorySpanExporter, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDLEY_LOG_FORMAT", "json")
    documents.pdf(tmp_path / "page.pdf", documents.text((72, 100, "Whales are mammals")))
    assert medley("ingest", tmp_path / "page.pdf").code == 0
    seen = spans.get_finished_spans()
    found = parents(seen)
    assert {("run ingest", ""), ("run pdf", "run ingest"), ("stage parse", "run pdf")} <= found
    assert {("model text", "stage embed_text"), ("store write", "stage write_pages")} <= found
    assert {span.name for span in seen if not span.parent} == {"run ingest"}
    [trace] = {f"{span.context.trace_id:032x}" for span in seen if span.context}
    [log] = home.glob("runs/*/log.txt")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert {(line["run"], line["trace"]) for line in lines} == {(log.parent.name, trace)}
    assert lines[0]["message"].startswith("medley ")


@pytest.mark.usefixtures("home")
def test_without_being_asked_for_nothing_is_traced(medley: Medley, home: Path, tmp_path: Path) -> None:
    (tmp_path / "note.md").write_text("Whales are mammals\n")
    assert medley("document", tmp_path / "note.md").code == 0
    assert not tracing._tracer
    [log] = home.glob("runs/*/log.txt")
    assert f"medley [{log.parent.name}]: medley " in log.read_text()
