"""How long an uploaded video takes to be searchable, and where the seconds go: `python bench/upload.py [REPETITIONS]`.

In a home of its own: the first upload comes right after `medley up`, the next ones find everything warm. Each is a
video of its own (another piece of the sample), so that nothing is remembered.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

import httpx
from sqlalchemy import select

from flows.services.addresses import prefect_url
from medley.catalog import open_catalog
from medley.catalog.tables import locations, outcomes, runs, stages, uploads
from medley.media.ffmpeg import ffmpeg_program
from medley.settings import Settings, load_settings

SAMPLE = Path(__file__).parents[1] / "samples" / "sample.mp4"
STEPS = ("noted", "run created", "process runs", "first stage", "last stage", "searchable")


def medley(*arguments: str) -> str:
    """Runs a command; its stdout."""
    done = subprocess.run(
        [sys.executable, "-m", f"flows.{arguments[0]}", *arguments[1:]], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout


def upload(n: int, settings: Settings) -> dict[str, float]:
    """Drops one video; seconds from its last byte to each step."""
    target = Path(settings.upload_source) / f"{n}.mp4"
    draft = settings.home / "draft.mp4"
    command = [ffmpeg_program(), "-loglevel", "error", "-y", "-i", str(SAMPLE), "-ss", str(n), "-c:v", "libx264"]
    subprocess.run([*command, "-preset", "ultrafast", "-c:a", "aac", str(draft)], check=True)
    content = draft.read_bytes()
    target.write_bytes(content)
    landed = time.time()
    while f'"{target}"' not in medley("search", "the number is seven four two", "--limit", "50", "--json"):
        time.sleep(0.2)
    return {name: at - landed for name, at in moments(target, settings).items()} | {"searchable": time.time() - landed}


def moments(path: Path, settings: Settings) -> dict[str, float]:
    """When each step was reached, seconds since 1970."""
    with open_catalog(settings).engine.connect() as connection:
        noted = connection.execute(select(uploads.c.noted).where(uploads.c.path == str(path))).scalar_one()
        asset = connection.execute(select(locations.c.asset_id).where(locations.c.path == str(path))).scalar_one()
        while not (ended := _ended(connection, asset)):
            time.sleep(0.2)
        first = select(stages.c.started).where(stages.c.asset_id == asset).order_by(stages.c.started)
        begun = connection.execute(first).scalars().first()
        newest = select(runs.c.prefect_run_id).where(runs.c.flow == "upload").order_by(runs.c.started.desc())
        flow_run = connection.execute(newest).scalars().first()
    found = httpx.get(f"{prefect_url(settings)}/flow_runs/{flow_run}").json()
    told = {"noted": noted, "run created": found["created"], "process runs": found["start_time"]}
    return {name: _seconds(at) for name, at in {**told, "first stage": begun, "last stage": ended}.items()}


def _ended(connection: object, asset: str) -> str | None:
    query = select(outcomes.c.updated).where(outcomes.c.asset_id == asset, outcomes.c.status == "complete")
    return connection.execute(query).scalar()  # type: ignore[attr-defined, no-any-return]


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


def main(repetitions: int) -> None:
    """Prints a line for each upload: seconds from its last byte to each step."""
    with tempfile.TemporaryDirectory() as directory:
        os.environ.update(MEDLEY_HOME=f"{directory}/home", MEDLEY_PROFILE="demo")
        began = time.monotonic()
        medley("up", "--detach")
        print(f"medley up: {time.monotonic() - began:.1f} s. Then, in seconds after a video's last byte:")
        try:
            print("            " + "  ".join(f"{step:>12}" for step in STEPS))
            warm = []
            for n in range(repetitions + 1):
                found = upload(n, load_settings())
                warm += [found["searchable"]] if n else []
                print(
                    f"{'warm' if n else 'first':>10}  " + "  ".join(f"{found[step]:12.1f}" for step in STEPS),
                    flush=True,
                )
        finally:
            medley("down")
    print(f"median of {len(warm)} warm uploads: {statistics.median(warm):.1f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
