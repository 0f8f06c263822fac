"""Labels of the user's: on pictures and frames that fit, and in searches."""

from __future__ import annotations

import re
from contextlib import closing

import numpy as np
import pytest

from flows.serve.local import labels_of
from flows.services.shared import vector_store
from medley.catalog import open_catalog
from medley.labels import fitting, labels_in, mark
from medley.models.base import unit
from medley.settings import load_settings
from medley.stores.connect import open_store
from tests.conftest import SAMPLE, Medley
from tests.world.truth import VideoTruth


def test_frames_are_labelled_by_what_is_on_them(medley: Medley, sample_truth: VideoTruth) -> None:
    shapes = [scene for scene in sample_truth.scenes if scene.caption.startswith("a ") and "slide" not in scene.caption]
    wanted = ",".join([scene.caption for scene in shapes])
    asked = ("video", SAMPLE, "--json", "--labels", wanted)
    item = medley(*asked).report["items"][0]
    assert item["status"] == "complete"
    right = 0
    for scene in shapes:
        hits = medley("search", "something", "--label", scene.caption, "--limit", "20", "--json").report["hits"]
        times = [piece["start_s"] for hit in hits for piece in hit["evidence"] if scene.caption in piece["labels"]]
        right += any(abs(at - scene.start_s) < 0.1 for at in times) and len(times) <= 2
    assert right >= 0.8 * len(shapes)

    with vector_store(load_settings()) as address, closing(open_store(address)) as store:
        counted = dict(labels_of(store, open_catalog(load_settings())))
    assert counted.keys() <= {scene.caption for scene in shapes}
    assert len(counted) >= 0.8 * len(shapes)
    assert set(counted.values()) <= {1, 2}

    answer = medley("search", "something", "--label", "a giraffe", "--json").report
    assert answer["hits"] == []
    assert "label a giraffe leaves nothing" in answer["notes"][0]
    states = {
        stage["name"]: stage["state"] for stage in medley(*asked[:-1], wanted + ",a dog").report["items"][0]["stages"]
    }
    assert (states["embed_frames"], states["label_frames"]) == ("cached", "completed"), "no picture is embedded again"


def test_what_fits_is_far_above_what_does_not() -> None:
    rng = np.random.default_rng(1)
    unrelated = unit(rng.normal(size=(50, 32)).astype(np.float32))
    labels = unit(rng.normal(size=(3, 32)).astype(np.float32))
    pictures = unit(np.stack([labels[0], labels[0] + labels[1], rng.normal(size=32)]).astype(np.float32))
    assert fitting(pictures, labels, unrelated).tolist() == [
        [True, False, False],
        [True, True, False],
        [False, False, False],
    ]


@pytest.mark.parametrize("label", ["a dog", "Großer Hund", "狗", "a_b", "rock'n'roll: live", "x-ray"])
def test_labels_of_every_script_come_back(label: str) -> None:
    marked = mark(label)
    assert re.fullmatch(r"label:[A-Za-z0-9_.-]+", marked), "what filters of stores take"
    assert labels_in([marked, "language:en"]) == [label.casefold().replace("_", " ")]


def test_a_label_that_is_too_long_is_refused(medley: Medley) -> None:
    answer = medley("video", SAMPLE, "--labels", "x" * 41)
    assert answer.code == 2
    assert "labels" in answer.err
