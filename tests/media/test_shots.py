"""Where shots begin: cuts, fades, flashes; frames within their shots; pictures that come back."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from medley.media.frames import SHOTS, Pictures, read_frames, sample_frames, sharp_frames, spans_of
from medley.media.probe import probe_media
from medley.option_values import ShotTimes
from medley.options import FrameOptions
from medley.setting_groups import Limits
from medley.types import Asset, Frame
from tasks.captions import best_of
from tests.fakes import asset_id
from tests.variants import ffmpeg
from tests.world.montage import Join, make_montage, score


def sampled(video: Path, made: Path, **options: object) -> Pictures:
    made.mkdir()
    asset = Asset(asset_id("s"), str(video), video.stat().st_size, probe_media(video, Limits()))
    return sample_frames(asset, made, FrameOptions.model_validate(options), Limits())


def marks(seeds: Sequence[int], directory: Path, **how: int) -> float:
    """F1 of the begins of shots within 0.2 s, over films of those seeds."""
    hits = misses = alarms = 0
    for seed in seeds:
        video = directory / f"{seed}.mp4"
        joins = make_montage(video, seed=seed, **how)
        found = [begin_s for begin_s, _ in sampled(video, directory / str(seed)).shots[1:]]
        counts = score(found, joins)
        hits, misses, alarms = hits + counts[0], misses + counts[1], alarms + counts[2]
    return 2 * hits / (2 * hits + misses + alarms)


def test_shots_of_films(tmp_path: Path) -> None:
    assert marks([3, 11, 16], tmp_path, shots=8) >= 0.95


@pytest.mark.whole
@pytest.mark.parametrize("rate_fps", [25, 12, 60])
def test_shots_of_twenty_films(tmp_path: Path, rate_fps: int) -> None:
    assert marks(range(100, 120), tmp_path, rate_fps=rate_fps) >= (0.95 if rate_fps == 25 else 0.9)


def stills(video: Path, colours: Sequence[str], second_s: float, *options: object) -> None:
    """A slide show: each picture is one packet that is held."""
    inputs: list[object] = []
    for colour in colours:
        inputs += ["-f", "lavfi", "-t", second_s, "-i", f"color={colour}:size=320x180:rate=10"]
    joined = "".join(f"[{n}]" for n in range(len(colours))) + f"concat={len(colours)},mpdecimate"
    ffmpeg(*inputs, "-filter_complex", joined, "-fps_mode", "vfr", "-c:v", "libx264", *options, video)


def test_pictures_that_are_held_begin_when_they_are_shown(tmp_path: Path) -> None:
    stills(tmp_path / "a.mp4", ["red", "blue", "green", "white"], 7.3, "-g", "500", "-sc_threshold", "0")
    shots = sampled(tmp_path / "a.mp4", tmp_path / "made").shots
    assert [begin_s for begin_s, _ in shots][:3] == pytest.approx([0, 7.3, 14.6], abs=0.06)


def test_a_picture_that_comes_back_is_kept_once(tmp_path: Path) -> None:
    stills(tmp_path / "a.mp4", ["red", "blue", "red"], 3)
    made = tmp_path / "made"
    pictures = sampled(tmp_path / "a.mp4", made)
    names = [frame.image for frame in pictures.frames]
    assert (len(names), names[0]) == (3, names[2])
    assert len(list(made.glob("*.jpg"))) == 2
    assert [round(time_s, 1) for _, time_s, _ in sharp_frames(made)] == [0, 3, 6]


def test_rough_shots_look_at_no_more_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stills(tmp_path / "a.mp4", ["red", "blue"], 3)
    monkeypatch.setattr("medley.media.frames.shot_starts", lambda *_: pytest.fail("decoded"))
    pictures = sampled(tmp_path / "a.mp4", tmp_path / "made", shots=ShotTimes.ROUGH)
    assert len(pictures.shots) == 2
    assert (tmp_path / "made" / SHOTS).is_file()
    assert read_frames(tmp_path / "made") == pictures.frames


def test_nothing_is_decoded_twice_where_nothing_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.effect_noise((320, 180), 60).save(tmp_path / "a.png")
    ffmpeg("-loop", 1, "-i", tmp_path / "a.png", "-t", 20, "-pix_fmt", "yuv420p", tmp_path / "a.mp4")
    monkeypatch.setattr("medley.media.shots.run_ffmpeg", lambda *_, **__: pytest.fail("decoded"))
    assert len(sampled(tmp_path / "a.mp4", tmp_path / "made").shots) == 1


def test_where_pictures_do_not_come_out_the_frames_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stills(tmp_path / "a.mp4", ["red", "blue", "white"], 3)
    rough = sampled(tmp_path / "a.mp4", tmp_path / "rough", shots=ShotTimes.ROUGH).shots
    monkeypatch.setattr("medley.media.shots.run_ffmpeg", lambda *_, **__: ("", "a seek that fails"))
    assert sampled(tmp_path / "a.mp4", tmp_path / "made").shots == rough
    assert len(rough) == 3


def test_frames_are_shown_within_their_shots() -> None:
    frames = [Frame(0.0, "a"), Frame(1.4, "b"), Frame(2.4, "c"), Frame(9.0, "d")]
    shots = [(0.0, 1.0), (1.0, 5.0), (5.0, 5.5), (5.5, 12.0)]
    assert spans_of(frames, shots) == [(0.0, 1.0), (1.0, 2.4), (2.4, 5.0), (5.5, 12.0)]


def test_the_best_frame_of_a_shot() -> None:
    frames = [Frame(1.0, "a"), Frame(5.0, "b", blurred=True), Frame(6.0, "c", blank=True), Frame(8.0, "d")]
    assert best_of(frames, (0.0, 10.0)) == frames[3]
    assert best_of(frames, (4.0, 7.0)) == frames[1]
    assert best_of(frames, (5.5, 7.0)) is None


def test_the_score_counts_each_join_once() -> None:
    joins = [Join(1.0, "cut", 0.0), Join(5.0, "black", 1.0)]
    assert score([1.1, 1.15, 4.9, 8.0], joins) == (2, 0, 2)
