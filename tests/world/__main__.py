"""Makes test videos: `python -m tests.world sample`, `python -m tests.world video OUT --seed N --seconds S`."""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.world.evaluation import write_evaluation_set
from tests.world.sample import make_sample
from tests.world.videos import make_video

_SAMPLES = Path(__file__).resolve().parents[2] / "samples"


def main() -> None:
    """Writes the video and, beside it as .json, its ground truth."""
    options = _parser().parse_args()
    if options.command == "sample":
        out = _SAMPLES / "sample.mp4"
        truth = make_sample(out)
    else:
        out = options.out
        truth = make_video(out, seed=options.seed, seconds=options.seconds)
    out.with_suffix(".json").write_text(truth.to_json())
    print(f"{out}: {out.stat().st_size} bytes, {len(truth.sentences)} sentences, {len(truth.scenes)} scenes")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.world", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("sample", help="write samples/sample.mp4 and samples/sample.json")
    video = commands.add_parser("video", help="write another video and its truth beside it")
    video.add_argument("out", type=Path)
    video.add_argument("--seed", type=int, required=True)
    video.add_argument("--seconds", type=float, default=40.0)
    return parser


if __name__ == "__main__":
    main()
