"""Which videos go through the stages together."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from flows.engine.forming import FormingBatch
from flows.image import image
from flows.video import video


def batches(
    lengths_s: list[float], *, expected: int | None = None, window: int = 4, pipeline: Any = video
) -> list[Any]:
    """The batches in which files of these lengths go, by their lengths."""
    forming = FormingBatch(pipeline, expected or len(lengths_s), window)
    made: list[list[Any]] = []
    for length_s in lengths_s:
        item: Any = SimpleNamespace(asset=SimpleNamespace(media=SimpleNamespace(duration_s=length_s)))
        made += forming.add(item)
    return [[item.asset.media.duration_s for item in batch] for batch in [*made, *forming.rest()]]


def test_a_thousand_short_clips_are_as_many_batches_as_a_hundred_longer_ones() -> None:
    assert len(batches([5.0] * 1000)) == 84, "a minute each"
    assert len(batches([50.0] * 100)) == 50
    assert batches([0.0] * 40) == [[0.0] * 10] * 4, "what has no length, say, is counted"
    assert max(map(len, batches([0.0] * 400))) == video.batch


def test_a_long_one_goes_alone_and_waits_for_nobody() -> None:
    assert batches([5.0, 5.0, 600.0, 5.0], expected=1000) == [[5.0, 5.0], [600.0], [5.0]]


def test_few_of_them_go_beside_each_other() -> None:
    assert batches([25.0] * 4) == [[25.0]] * 4
    assert batches([5.0] * 8) == [[5.0, 5.0]] * 4
    assert batches([25.0] * 24) == [[25.0] * 3] * 8


def test_pictures_are_counted_and_the_first_batches_are_small() -> None:
    assert [len(batch) for batch in batches([0.0] * 250, pipeline=image)] == [16, 32, 64, image.batch, 38]
