"""What all peers of `bench/work.py` share: Medley's own stage functions and models, one writer, and the answer.

Nothing here imports Ray or Prefect. A stage takes and gives small things: paths, rows, float32 arrays.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from flows.services.shared import free_port
from flows.services.supervise import is_reachable
from medley.artifacts import sha256_of
from medley.media import audio as sound
from medley.media import frames as pictures
from medley.media.pdf import find_figures, parse_pdf, read_pages
from medley.media.pictures import PICTURE, convert_assets
from medley.media.probe import probe_media
from medley.media.sniff import sniff
from medley.models.base import ModelSpec, Vectors, load_model
from medley.models.profiles import models_of
from medley.option_values import Profile
from medley.options import ImageOptions, ModelOptions, PdfOptions, VideoOptions
from medley.passages import passages_for
from medley.run import StoreAddress
from medley.setting_groups import Limits
from medley.stores.base import RecordBatch
from medley.stores.connect import open_store
from medley.system.launch import guarded
from medley.transcript import chunk_segments, sentences
from medley.types import Asset, MediaInfo, Row

BATCH = 64  # texts or pictures of one call of a model, as in Medley
THREADS = 1  # of each model, as Medley has it on two cores
LIMITS, VIDEO, PDF, IMAGE = Limits(), VideoOptions(), PdfOptions(), ImageOptions()
MODELS = models_of(Profile.DEMO, ModelOptions())
WORK = Path(os.environ["BENCH_WORK"])
#: An asset's id, its rows, their vectors.
Written = tuple[str, list[Row], Vectors]
#: Of a branch: its embedding space, and the model that made its vectors.
BRANCHES = {"speech": "text", "frames": "image", "images": "image", "pages": "text"}


def scratch() -> Path:
    """A new directory."""
    made = WORK / uuid.uuid4().hex
    made.mkdir(parents=True)
    return made


def asset_of(path: str) -> Asset:
    """Identity and probe, as Medley does them: hash, first bytes, the container opened in a child process."""
    file = Path(path)
    found = sniff(file)
    timed = found.media_type.startswith(("video/", "audio/"))
    media = probe_media(file, LIMITS) if timed else MediaInfo(found.demuxer, found.media_type)
    return Asset(sha256_of(file), path, file.stat().st_size, media)


def extract_audio(asset: Asset) -> str:
    """The WAV."""
    made = scratch()
    sound.extract_audio(asset, made, LIMITS, VIDEO.speech.track)
    return str(made / sound.WAV)


def sample_frames(asset: Asset) -> tuple[list[Row], list[Path]]:
    """Rows of the frames, and their JPEGs."""
    made = scratch()
    found = pictures.sample_frames(asset, made, VIDEO.frames, LIMITS).frames
    times = [round(frame.time_s * 1000) for frame in found]
    return [Row("frame", "", at, at, thumbnail=f.image) for at, f in zip(times, found, strict=True)], [
        made / frame.image for frame in found
    ]


def load_images(assets: Sequence[Asset]) -> list[Path]:
    """JPEGs, all of them made in one child process, as in Medley."""
    made = scratch()
    targets = [made / asset.asset_id / PICTURE for asset in assets]
    for target in targets:
        target.parent.mkdir()
    found = convert_assets(list(zip(assets, targets, strict=True)), IMAGE.pictures.max_side_px, LIMITS)
    assert not any(one.error for one in found), found
    return targets


def page_rows(asset: Asset) -> list[Row]:
    """Passages of all pages; looks for figures as well, as Medley's DAG does (there are none in these files)."""
    made = scratch()
    parse_pdf(asset, made, PDF.pages, LIMITS)
    find_figures(asset, scratch(), PDF.pages, PDF.figures, LIMITS)
    return [
        Row("page", passage.text, page=page.number, box=passage.box)
        for page in read_pages(made)
        for passage in passages_for(MODELS.text, page.blocks, PDF.passages)
    ]


class Speech:
    """Whisper, loaded once."""

    def __init__(self) -> None:
        self._model = load_model(MODELS.speech, threads=THREADS)

    def __call__(self, wav: str) -> list[Row]:
        """Rows of what is said."""
        words = []
        for start_s, samples in sound.read_pieces(Path(wav)):
            beams = VIDEO.speech.beam_size
            heard = self._model.transcribe(samples, language=None, beam_size=beams, translate=False)
            words += [word.later(start_s) for word in heard]
        Path(wav).unlink()
        parts = chunk_segments(sentences(words), VIDEO.chunks)
        return [Row("speech", part.text, round(part.start_s * 1000), round(part.end_s * 1000)) for part in parts]


class Encoder:
    """The text or the vision model, loaded once."""

    def __init__(self, kind: str) -> None:
        model = load_model(getattr(MODELS, kind), threads=THREADS)
        self._encode: Callable[[Sequence[Any]], Vectors] = (
            model.encode_images if kind == "vision" else model.encode_texts
        )

    def __call__(self, items: Sequence[Any]) -> Vectors:
        """Shape (len(items), dim)."""
        if not items:
            return np.empty((0, 0), np.float32)
        return np.concatenate([self._encode(items[at : at + BATCH]) for at in range(0, len(items), BATCH)])


@lru_cache
def model(kind: str) -> Any:
    """One for each process that asks."""
    return Speech() if kind == "speech" else Encoder(kind)


class Store:
    """Milvus Lite's server, as Medley runs it; written to once, at the end."""

    def __init__(self) -> None:
        self._port = free_port()
        program = [str(Path(sys.executable).with_name("milvus-lite")), "server", "--data-dir", str(WORK / "milvus")]
        with (WORK / "milvus.log").open("ab") as log:
            where = ["--host", "127.0.0.1", "--port", str(self._port)]
            self._server = subprocess.Popen(
                guarded([*program, *where]), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def write(self, **branches: list[Written]) -> dict[str, Any]:
        """One write for each branch; rows and a checksum of vectors by branch, whatever the order of items."""
        while not is_reachable(f"tcp://127.0.0.1:{self._port}"):
            time.sleep(0.1)
        client, told = open_store(StoreAddress(f"http://127.0.0.1:{self._port}", "bench")), {}
        for branch, items in branches.items():
            space = BRANCHES[branch]
            spec: ModelSpec = MODELS.text if space == "text" else MODELS.vision
            client.write(
                space, spec, [RecordBatch(asset, branch, "f", "w", rows, found) for asset, rows, found in items]
            )
            total = sum(float(vectors.astype(np.float64).sum()) for _, _, vectors in items)
            told[branch] = {"rows": sum(len(rows) for _, rows, _ in items), "sum": round(total, 3)}
        client.close()
        return told

    def close(self) -> None:
        """Ends the server."""
        self._server.terminate()
        self._server.wait()


def main(make_peer: Callable[[], Any]) -> None:
    """`peer.py KIND:FOLDER...`: starts the peer, then each workload; a JSON object on the last line.

    Where BENCH_SPAWNED says when the process was started, imports are told as well.
    """
    began = time.time()
    peer = make_peer()
    out: dict[str, Any] = {"start_s": time.time() - float(os.environ.get("BENCH_SPAWNED", began)), "steps": []}
    try:
        for step in sys.argv[1:]:
            kind, _, folder = step.partition(":")
            paths = sorted(map(str, Path(folder).iterdir()))
            since = time.time()
            told = getattr(peer, kind)(paths)
            out["steps"].append({"step": kind, "seconds": time.time() - since, "told": told})
    finally:
        peer.close()
    print(json.dumps(out), flush=True)
