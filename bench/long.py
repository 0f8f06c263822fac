"""Does memory grow with the length of a video? `make bench-long`: 15 minutes and an hour of 1080p, profile demo.

The sample is scaled up, encoded with a keyframe every second and repeated. Memory is the resident set of all
processes of the run, added up, twice a second (shared pages count once for each process).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import psutil

ROOT = Path(__file__).parent.parent
MINUTES = (15, 60)
_EVERY_S = 0.5


def make_video(directory: Path, minutes: int) -> Path:
    """The sample again and again, in 1080p."""
    once, out = directory / "once.mp4", directory / f"{minutes}.mp4"
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-y"]
    if not once.exists():
        large = ("-vf", "scale=1920:1080", "-c:v", "libx264", "-preset", "veryfast", "-g", "25", "-c:a", "aac")
        subprocess.run([*ffmpeg, "-i", str(ROOT / "samples" / "sample.mp4"), *large, str(once)], check=True)
    again = ("-stream_loop", "-1", "-i", str(once), "-t", str(60 * minutes), "-c", "copy", str(out))
    subprocess.run([*ffmpeg, *again], check=True)
    return out


class Watch(threading.Thread):
    """Looks at every process of a home: the highest sum of their memory, and the command lines of ffmpeg."""

    def __init__(self, home: str) -> None:
        super().__init__(daemon=True)
        self.home = home
        self.done = threading.Event()
        self.peak_mb = 0.0
        self.largest: dict[str, float] = {}
        self.decoders: set[str] = set()

    def run(self) -> None:
        """Until `done`."""
        while not self.done.wait(_EVERY_S):
            found = [self._look(process) for process in psutil.process_iter()]
            self.peak_mb = max(self.peak_mb, sum(found))

    def _look(self, process: psutil.Process) -> float:
        try:
            if process.environ().get("MEDLEY_HOME") != self.home:
                return 0.0
            line, size_mb = process.cmdline(), process.memory_info().rss / 1e6
        except (psutil.Error, OSError):
            return 0.0
        name = next((part for part in line if part.startswith(("ray::", "flows."))), Path(line[0]).name if line else "")
        self.largest[name.split(".")[0]] = max(size_mb, self.largest.get(name.split(".")[0], 0.0))
        if "ffmpeg" in name:
            self.decoders.add("keyframes" if "nokey" in line else "sound" if "audio.wav" in line else "every frame")
        return float(size_mb)


def run(video: Path, home: str) -> tuple[float, dict[str, Any], Watch]:
    """Seconds, report and watch of one command."""
    watch = Watch(home)
    watch.start()
    command = [sys.executable, "-m", "flows.video", str(video), "--profile", "demo", "--json"]
    begin = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "MEDLEY_HOME": home}, capture_output=True, check=True)
    seconds = time.perf_counter() - begin
    watch.done.set()
    watch.join()
    return seconds, json.loads(done.stdout), watch


def main() -> None:
    """Prints both runs and the ratio of their peaks."""
    peaks = []
    for minutes in MINUTES:
        with tempfile.TemporaryDirectory() as place:
            video = make_video(Path(place), minutes)
            seconds, report, watch = run(video, str(Path(place) / "home"))
        item = report["items"][0]
        peaks.append(watch.peak_mb)
        print(f"{minutes} min of 1080p: {item['status']} in {seconds:.1f} s, {60 * minutes / seconds:.0f} x real time")
        print(f"  records {item['records']}, decoders {sorted(watch.decoders)}")
        for stage in item["stages"]:
            print(f"  {stage['started'][11:19]}  {stage['seconds']:7.1f} s  {stage['name']}")
        largest = sorted(watch.largest.items(), key=lambda pair: -pair[1])[:6]
        print(f"  peak {watch.peak_mb:.0f} MB, of it at most " + ", ".join(f"{n} {mb:.0f}" for n, mb in largest))
    print(f"peak of {MINUTES[-1]} min to {MINUTES[0]} min: {peaks[-1] / peaks[0]:.3f}")


if __name__ == "__main__":
    main()
