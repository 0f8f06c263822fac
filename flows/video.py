"""Videos: the picture of their DAG. Speech and frames are two branches that run at the same time and fail apart."""

from __future__ import annotations

import sys

if __name__ == "__main__":  # before Prefect is imported: a command that finds all unchanged does without it
    from flows.commands.cli import main

    sys.exit(main(["video", *sys.argv[1:]]))

from typing import Any

from prefect import flow
from prefect.futures import PrefectFuture

from flows.engine.flow import flow_options, report, window
from flows.engine.run import joined_run
from medley.options import VideoOptions
from medley.run import TaskContext
from medley.types import AssetBatch
from tasks.frames import embed_frames, sample_frames, write_frames
from tasks.speech import chunk, embed_text, extract_audio, transcribe, write_speech

_DEFAULTS = VideoOptions()


@flow(name="video", **flow_options("video"))
def ingest_video(paths: list[str], options: VideoOptions = _DEFAULTS, force: bool = False) -> Any:
    """Makes videos searchable by what is said and what is seen.

    Args:
        paths: Files on the machine where the worker runs.
        options: What to do with them.
        force: Do everything again, whatever is known of these files.

    """
    with joined_run("video", options, force=force) as run:
        return report(window(run.identify(paths), submit_video, run))


def submit_video(assets: AssetBatch, run: TaskContext) -> list[PrefectFuture[Any]]:
    """Submits every stage of one video and waits for none."""
    audio = extract_audio.submit(assets, run)
    transcript = transcribe.submit(audio, run)
    chunks = chunk.submit(transcript, run)
    vectors = embed_text.submit(chunks, run)
    speech = write_speech.submit(vectors, run)

    frames = sample_frames.submit(assets, run)
    pictures = embed_frames.submit(frames, run)
    seen = write_frames.submit(pictures, run)

    return [audio, transcript, chunks, vectors, speech, frames, pictures, seen]
