"""Makes media of the small world, with its ground truth beside it as .json.

`python -m tests.world samples`, `... collection`, `... evaluation`, `... video OUT --seed N --seconds S`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.world.collection import make_collection
from tests.world.evaluation import DIRECTORY, write_evaluation_set
from tests.world.sample import make_long, make_sample
from tests.world.truth import VideoTruth
from tests.world.videos import make_video
from tests.world.voices import synthesisers_installed

_SAMPLES = Path(__file__).resolve().parents[2] / "samples"


def main() -> None:
    """Writes what is asked for; exits with a remedy where the synthesisers are missing."""
    options = _parser().parse_args()
    if not synthesisers_installed():
        raise SystemExit("needs the programs espeak-ng and flite: install the packages of these names and try again")
    if options.command == "samples":
        _keep(_SAMPLES / "sample.mp4", make_sample(_SAMPLES / "sample.mp4"))
        _keep(_SAMPLES / "long.mp4", make_long(_SAMPLES / "long.mp4"))
    elif options.command == "collection":
        make_collection(_SAMPLES / "collection")
        print(
            f"{_SAMPLES / 'collection'}: {', '.join(sorted(path.name for path in (_SAMPLES / 'collection').iterdir()))}"
        )
    elif options.command == "video":
        _keep(options.out, make_video(options.out, seed=options.seed, seconds=options.seconds))
    else:
        write_evaluation_set()
        print(f"{DIRECTORY}: written anew; figures measured on it before do not hold any more")


def _keep(video: Path, truth: VideoTruth) -> None:
    video.with_suffix(".json").write_text(truth.to_json())
    print(f"{video}: {video.stat().st_size} bytes, {len(truth.sentences)} sentences, {len(truth.scenes)} scenes")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.world", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("samples", help="write samples/sample.mp4 and samples/long.mp4")
    commands.add_parser("collection", help="write samples/collection: files of many kinds")
    commands.add_parser("evaluation", help="write the fixed evaluation set anew")
    video = commands.add_parser("video", help="write another video")
    video.add_argument("out", type=Path)
    video.add_argument("--seed", type=int, required=True)
    video.add_argument("--seconds", type=float, default=40.0)
    return parser


if __name__ == "__main__":
    main()
