"""How long uploads take to be searchable: `python bench/upload.py [REPETITIONS]` (pictures, PDFs of ten pages, videos).

In a home of its own, everything warm: one of each kind is uploaded before the clock counts. Each file is another one.
From its last byte to a complete outcome, whose records a search then has to find.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine, select

from bench.corpus import draw
from medley.catalog import open_catalog
from medley.catalog.tables import locations, outcomes, stages, uploads
from medley.media.ffmpeg import ffmpeg_program
from medley.settings import Settings, load_settings
from tests.documents import pdf, text

SAMPLE = Path(__file__).parents[1] / "samples" / "sample.mp4"
STEPS = ("noted", "first stage", "searchable")
MARK_S = {"picture": 5, "pdf": 8, "video": 9}
_LONGEST_S = 300.0


def picture(path: Path, n: int) -> Path:
    """A picture of its own."""
    path = path.with_suffix(".jpg")
    draw(n, random.Random(n)).save(path)
    return path


def document(path: Path, n: int) -> Path:
    """Ten pages."""
    lines = [tuple((72, 100 + 14 * k, f"Paper {n} page {p} line {k} of many.") for k in range(20)) for p in range(10)]
    return pdf(path.with_suffix(".pdf"), *(text(*page) for page in lines))


def video(path: Path, n: int) -> Path:
    """Another 40 seconds of the sample."""
    path = path.with_suffix(".mp4")
    cut = [ffmpeg_program(), "-loglevel", "error", "-y", "-ss", f"{n / 8:.3f}", "-i", str(SAMPLE), "-t", "40"]
    coded = ["-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", "-metadata", f"title={n}"]
    subprocess.run([*cut, *coded, str(path)], check=True)
    return path


KINDS: dict[str, Callable[[Path, int], Path]] = {"picture": picture, "pdf": document, "video": video}


def medley(*arguments: str) -> str:
    """Runs a command; its stdout."""
    command = [str(Path(sys.executable).with_name("medley")), *arguments]
    # what importing `flows` here has set is of another home
    theirs = ("RAY_", "PREFECT_", "MEDLEY_MADE")
    env = {name: value for name, value in os.environ.items() if not name.startswith(theirs)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout


def upload(kind: str, n: int, settings: Settings, engine: Engine) -> dict[str, float]:
    """Drops one file; seconds from its last byte to each step."""
    draft = KINDS[kind](settings.home / f"{kind}{n}", n)
    content = draft.read_bytes()
    target = Path(settings.upload_source, draft.name)
    target.write_bytes(content)
    landed = time.time()
    while not (found := moments(target, engine)):
        if time.time() - landed > _LONGEST_S:
            sys.exit(
                f"{target} is not complete after {_LONGEST_S:g} s: medley status, with MEDLEY_HOME={settings.home}"
            )
        time.sleep(0.05)
    whole = time.time() - landed
    hits = json.loads(medley("search", "a line of words, a circle", "--file", str(target), "--json"))["hits"]
    if not hits:
        sys.exit(f"{target} is complete, and no search finds it")
    return {name: at - landed for name, at in found.items()} | {"searchable": whole}


def moments(path: Path, engine: Engine) -> dict[str, float] | None:
    """When it was noted and its first stage began, seconds since 1970; None until it is complete."""
    with engine.connect() as connection:
        asset = connection.execute(select(locations.c.asset_id).where(locations.c.path == str(path))).scalar()
        status = connection.execute(select(outcomes.c.status).where(outcomes.c.asset_id == asset)).scalar()
        if status != "complete":
            return None
        noted = connection.execute(select(uploads.c.noted).where(uploads.c.path == str(path))).scalar_one()
        query = select(stages.c.started).where(stages.c.asset_id == asset).order_by(stages.c.started)
        first = connection.execute(query).scalars().first()
        if first is None:  # noted in this very moment
            return None
    return {
        name: datetime.fromisoformat(str(at)).timestamp() for name, at in (("noted", noted), ("first stage", first))
    }


def main(repetitions: int) -> None:
    """Kinds one after the other, again and again; a line for each upload, then medians and 95th percentiles."""
    with tempfile.TemporaryDirectory() as directory:
        os.environ.update(MEDLEY_HOME=f"{directory}/home", MEDLEY_PROFILE="demo")
        medley("up", "--detach")
        found: dict[str, list[float]] = {kind: [] for kind in KINDS}
        try:
            settings = load_settings()
            engine = open_catalog(settings).engine
            print("                " + "  ".join(f"{step:>12}" for step in STEPS))
            for n in range(repetitions + 1):
                for kind in KINDS:
                    told = upload(kind, n, settings, engine)
                    found[kind] += [told["searchable"]] if n else []
                    row = "  ".join(f"{told[step]:12.2f}" for step in STEPS)
                    print(f"{kind if n else f'first {kind}':>14}  {row}", flush=True)
        finally:
            medley("down")
    for kind, seconds in found.items():
        p95 = statistics.quantiles(seconds, n=20, method="inclusive")[-1] if len(seconds) > 1 else seconds[0]
        print(f"{kind}: median {statistics.median(seconds):.1f} s, p95 {p95:.1f} s of {len(seconds)}", end="")
        print(f" (mark {MARK_S[kind]} s)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
