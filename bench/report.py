"""docs/benchmarks.md and its drawings, from what the benchmarks have kept: `python bench/report.py`."""

from __future__ import annotations

import os
import platform
import statistics
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from bench import work
from bench.plots import bars, lines
from bench.product import ROOT
from bench.results import FOLDER, found

Section = Callable[[dict[str, Any]], str]
_PAGE = ROOT / "docs" / "benchmarks.md"
_IMAGES = ROOT / "docs" / "images"
_HEAD = """# Benchmarks

`make bench` measures all of this anew and writes this page ({machine}). Peers take turns within a run; a figure is the
median, in brackets the fastest and the slowest. Absolute times describe the machine: ratios are the result. It is a
shared one, and varies by a quarter from minute to minute.

The same stage functions, the same models (profile demo, one thread for each) and the same store serve everybody; rows
and vectors are compared and are equal. Peers are in `bench/peers/`, each written as somebody who knows it would: Ray
with resident actors (and, as many tutorials have it, with the model loaded in the task), Ray Data, Daft, Prefect with
threads, Prefect with prefect-ray as it is, and a loop. They write once at the end and keep nothing that a killed run
could go on from; of Medley it is the time of a whole command, with its report, catalog, artifacts, Prefect's run graph
and a durable write for each batch. Where the rest of Medley's time goes, and which of our own marks are missed, is in
[performance](performance.md).
"""


def told(some: Sequence[float], digits: int = 1) -> str:
    """Median and spread."""
    middle = f"{statistics.median(some):.{digits}f}"
    return middle if len(some) == 1 else f"{middle} [{min(some):.{digits}f}-{max(some):.{digits}f}]"


def _when(kept: dict[str, Any]) -> str:
    return f"{kept['date']}, {kept['turns']} {'turn' if kept['turns'] == 1 else 'turns'}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Markdown."""
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rows))


def _work(kept: dict[str, Any]) -> str:
    middles = {
        work.PEERS.get(name, name): {figure: statistics.median(some) for figure, some in figures.items()}
        for name, figures in kept["seconds"].items()
    }
    titles = {"cold": "clips, cold", "video": "clips", "image": "pictures", "pdf": "PDFs"}
    bars(_IMAGES / "bench-work.svg", middles, titles, "seconds")
    return f"""## The same work ({_when(kept)})

`make bench-work`. Seconds, and in brackets how many times Medley's.

{work.table(kept["seconds"], kept["sizes"])}

{kept.get("note", "")}

"Nothing running" counts what is started and, of Medley, ended; "warm": services and models are there.

![Seconds by workload and system](images/bench-work.svg)"""


def _overhead(kept: dict[str, Any]) -> str:
    names = {
        "medley": "Medley on Ray",
        "medley-4": "the same, four files at a time, as clips of 15 s go",
        "medley-100": "the same, three stages, a hundred files at a time, as pictures go",
        "medley-local": "Medley in threads",
        "medley-stock": "Medley with prefect-ray's task runner",
        "stock": "prefect-ray in ten lines",
        "threads": "Prefect's threads in ten lines",
        "bare": "plain Ray tasks",
    }
    rows = [
        [names[kind], told(figures["ms_task"]) if "ms_task" in figures else "-", told(figures["ms_item"])]
        for kind, figures in kept["ms"].items()
    ]
    return f"""## What a task costs ({_when(kept)})

`make bench-overhead`: a DAG of eight stages that do nothing, {kept["items"]} items.

{table(["who", "ms a task", "ms an item"], rows)}"""


def _overlap(kept: dict[str, Any]) -> str:
    least = kept["least_s"]
    names = {**work.PEERS, "daft": "Daft"}
    rows = [
        [names.get(name, name), told(some), f"{least / statistics.median(some):.2f}"]
        for name, some in sorted(kept["seconds"].items(), key=lambda pair: statistics.median(pair[1]))
    ]
    return f"""## Keeping everything busy ({_when(kept)})

`make bench-overlap`: {kept["items"]} items of two branches whose stages only simulate work: CPUs burn, two models sleep
as if GPUs were at it. The busier model alone needs {least:.1f} s; efficiency is that against the time.

{table(["who", "seconds", "efficiency"], rows)}"""


def _skew(kept: dict[str, Any]) -> str:
    seconds: Mapping[str, list[float]] = kept["seconds"]
    names = {
        "long": "a video of ten minutes alone",
        "short": "40 clips of 10 s alone",
        "all": "all of them in one command",
        "Ray actors, all": "all of them, Ray actors",
    }
    rows = [[title, told(seconds[name])] for name, title in names.items()]
    return f"""## One long video among short ones ({_when(kept)})

`make bench-skew`.

{table(["what", "seconds"], rows)}"""


def _again(kept: dict[str, Any]) -> str:
    first = statistics.median(kept["seconds"]["first"])
    stages = kept["stages"]
    rows = [
        [name, told(some), f"{100 * statistics.median(some) / first:.1f} %", told(stages[name], 0)]
        for name, some in kept["seconds"].items()
    ]
    return f"""## A second time ({_when(kept)})

`make bench-again`: {kept["items"]} PDFs under `medley up`. "After a kill": others, whose first command was killed
(SIGKILL) when {told(stages["complete when killed"], 0)} of them were complete.

{table(["run", "seconds", "of the first", "stages run"], rows)}"""


def _growth(kept: dict[str, Any]) -> str:
    seconds, peaks = kept["seconds"], kept["peak_mb"]
    each = {int(count): 1e3 * statistics.median(some) / int(count) for count, some in seconds.items()}
    memory = {int(count): statistics.median(some) for count, some in peaks.items()}
    lines(_IMAGES / "bench-growth.svg", {"ms a picture": each, "MB of all processes": memory}, "pictures")
    rows = [[count, told(some), f"{each[int(count)]:.1f}", told(peaks[count], 0)] for count, some in seconds.items()]
    return f"""## More of the same ({_when(kept)})

`make bench-growth`: pictures under `medley up`; memory of all processes, services and models included.

{table(["pictures", "seconds", "ms each", "MB at the peak"], rows)}

![Time and memory by number of pictures](images/bench-growth.svg)"""


def _start(kept: dict[str, Any]) -> str:
    rows = [[name, told(some)] for name, some in kept["seconds"].items()]
    return f"""## Until something is there ({_when(kept)})

`make bench-start`, a clip of 40 s. Nothing running: until its first records are in the store (of Prefect on Ray: all of
them). Services up: until the first stage of a new command begins.

{table(["what", "seconds"], rows)}"""


def _pools(kept: dict[str, Any]) -> str:
    one = kept["replicas"]["1"]["items_s"]
    rows = [
        [count, f"{each['items_s']:.0f}", f"{each['busy']:.1%}", f"{each['items_s'] / (int(count) * one):.2f}"]
        for count, each in kept["replicas"].items()
    ]
    many = kept["many"]
    return f"""## Models that are always busy ({kept["date"]})

`make bench-pools`: models that only pretend, a GPU is a sleep of 20 ms for a batch of 64. A call that does nothing
takes {kept["call_ms"]:.1f} ms. 5,000 calls of three runs at once take {many["seconds"]:.1f} s; the process of the
masters has {many["mb"]:.0f} MB after these, {many["grown_mb"]:.1f} MB more than half way.

{table(["replicas", "items/s", "busy", "of linear"], rows)}

No machine with a GPU was at hand: shares of a GPU are tested with models that pretend to take its memory, and are not
measured."""


def _driver(kept: dict[str, Any]) -> str:
    rows = [[count, f"{mb:.0f} MB"] for count, mb in kept["mb"].items()]
    return f"""## A command and its items ({kept["date"]})

`make bench-driver`: one `medley ingest` of 20,000 small pictures on a private Ray, {kept["seconds"]:.0f} s with
making them; memory of the command's own process when so many were complete.

{table(["items", "memory"], rows)}"""


def _serve(kept: dict[str, Any]) -> str:
    names = {"lite": "Milvus Lite", "server at 20": "Milvus server 2.3.5", "server at 10": "Milvus server 2.3.5"}
    rows = [
        [
            names[name],
            *(f"{each[figure]:.0f} ms" for figure in ("median", "p95", "p99")),
            f"{each['rate']:.1f} of {each['asked']}",
            f"{each['first_s']:.1f} s",
            f"{each['mb']} MB",
        ]
        for name, each in kept.items()
        if name in names
    ]
    return f"""## Searches at a steady rate ({kept["date"]})

`make bench-serve`: `medley serve` over 100,000 records (70,000 texts of 384 dimensions, 30,000 pictures of 128), asked
for a minute by locust for ten hits each; store, service and locust share the two cores. The first answer is by words
alone, from the start of the process on.

{table(["store", "median", "95 %", "99 %", "searches/s", "first answer", "memory of the service"], rows)}"""


SECTIONS: dict[str, Section] = {
    "work": _work,
    "overhead": _overhead,
    "overlap": _overlap,
    "skew": _skew,
    "again": _again,
    "growth": _growth,
    "start": _start,
    "pools": _pools,
    "driver": _driver,
    "serve": _serve,
}


def main() -> None:
    """Writes the page; says which benchmarks have kept nothing yet."""
    sections = [_HEAD.format(machine=f"{os.cpu_count()} cores, {platform.processor() or platform.machine()}")]
    for name, section in SECTIONS.items():
        if kept := found(name):
            sections.append(section(kept))
        else:
            print(f"{name}: nothing in {FOLDER}; run make bench-{name}", file=sys.stderr)
    page = "\n\n".join(part.strip() for part in sections) + "\n"
    _PAGE.write_text(page)
    print(page)


if __name__ == "__main__":
    main()
