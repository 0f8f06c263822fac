"""Containers whose clocks begin again, jump or say nothing; sound and pictures that change in mid-stream."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medley.errors import UnsupportedMedia
from medley.media.audio import SAMPLE_RATE_HZ, WAV, Sound, Spans, extract_audio
from medley.media.clock import TimeLine
from medley.media.frames import Pictures, sample_frames
from medley.media.probe import probe_media
from medley.options import FrameOptions
from medley.setting_groups import Limits
from medley.types import Asset
from tests.fakes import asset_id
from tests.variants import ffmpeg, read_samples

LIMITS = Limits()
COLOURS = {"red": (254, 0, 0), "blue": (0, 0, 254), "green": (0, 128, 0), "white": (255, 255, 255)}
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "10")


def scene(
    path: Path, colour: str, seconds: float = 4, size: str = "320x180", hz: int = 440, more: tuple[str, ...] = ()
) -> Path:
    """One colour and one tone."""
    ffmpeg(
        "-f", "lavfi", "-i", f"color={colour}:s={size}:r=10:d={seconds}",
        "-f", "lavfi", "-i", f"sine=frequency={hz}:sample_rate=48000:duration={seconds}",
        *X264, "-c:a", "aac", *more, path,
    )  # fmt: skip
    return path


def joined(path: Path, *parts: Path) -> Path:
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def probed(path: Path) -> Asset:
    return Asset(asset_id(path.name), str(path), path.stat().st_size, probe_media(path, LIMITS))


def heard(path: Path, track: str | None = None) -> tuple[Sound, Path]:
    made = path.parent / "sound"
    made.mkdir(exist_ok=True)
    return extract_audio(probed(path), made, LIMITS, track), made


def seen(path: Path, **options: float) -> tuple[Pictures, list[str]]:
    """What came out, and the colour in the middle of each frame with its time to the half second."""
    made = path.parent / "frames"
    made.mkdir(exist_ok=True)
    found = sample_frames(probed(path), made, FrameOptions(**options), LIMITS)  # type: ignore[arg-type]
    told = []
    for frame in found.frames:
        with Image.open(made / frame.image) as image:
            middle = image.convert("RGB").getpixel((image.width // 2, image.height // 2))
        nearest = min(COLOURS, key=lambda name: sum(abs(a - b) for a, b in zip(COLOURS[name], middle, strict=True)))
        told.append(f"{nearest} at {round(frame.time_s * 2) / 2:g}")
    return found, told


def loudness(directory: Path) -> np.ndarray:
    """Of each second of the WAV."""
    samples = read_samples(directory / WAV)
    whole = len(samples) // SAMPLE_RATE_HZ * SAMPLE_RATE_HZ
    return np.abs(samples[:whole]).reshape(-1, SAMPLE_RATE_HZ).mean(axis=1)


# the time line itself


def test_a_clock_that_begins_again_goes_on() -> None:
    line = TimeLine()
    for at in range(5):
        assert line.place(0, at, 1) == 0
        assert line.place(1, at, 1) == 0
    assert line.place(0, 0, 1) == 5
    assert line.place(1, 4.5, 0.5) == 0, "a late packet of the first part"
    assert line.place(1, 0.2, 1) == 5, "the other stream has shown this clock already"
    assert (line.restarts, line.end_of(0), line.gaps) == (1, 6, [])


def test_a_leap_is_a_gap_unless_it_is_taken_back() -> None:
    line = TimeLine()
    assert [line.place(0, at, 1) for at in (0, 1, 7200, 2, 3)] == [0] * 5
    assert (line.end_of(0), line.gaps) == (4, [])
    line.place(0, 7200, 1)
    [line.place(0, 7201 + at, 1) for at in range(9)]
    assert [(gap.at_s, gap.length_s) for gap in line.gaps] == [(4, 7196)]


# A1, A2: pictures without a declared length, pictures that are held


def test_a_recording_of_a_browser(tmp_path: Path) -> None:
    for n, colour in enumerate(("red", "blue", "green")):
        scene(tmp_path / f"{n}.mp4", colour, 3)
    graph = "[0:v][1:v][2:v]concat=n=3[v]"
    inputs = [argument for n in range(3) for argument in ("-i", tmp_path / f"{n}.mp4")]
    live = ("-c:v", "libx264", "-x264-params", "keyint=infinite:scenecut=0", "-f", "matroska", "-live", "1")
    ffmpeg(*inputs, "-filter_complex", graph, "-map", "[v]", *live, tmp_path / "x.mkv")
    found, told = seen(tmp_path / "x.mkv")
    assert told == ["red at 0", "blue at 3", "green at 6"]
    assert found.damage == ""


def test_held_pictures_are_each_seen_once_and_clean(tmp_path: Path) -> None:
    held = {"red": 0.4, "blue": 20, "green": 0.3, "white": 20, "red2": 0.5}
    lines = []
    for name, seconds in held.items():
        Image.new("RGB", (320, 180), COLOURS[name.rstrip("2")]).save(tmp_path / f"{name}.png")
        lines += [f"file {name}.png", f"duration {seconds}"]
    (tmp_path / "list").write_text("\n".join([*lines, "file red2.png"]))
    ffmpeg("-f", "concat", "-i", tmp_path / "list", "-fps_mode", "vfr", *X264, "-g", "250", tmp_path / "slides.mp4")
    _, told = seen(tmp_path / "slides.mp4")
    colours = [one.split()[0] for one in told]
    assert {"blue", "white"} <= set(colours)
    assert colours.count("blue") == colours.count("white") == 1
    assert "blue at 0.5" in told


# A3-A5: changes in mid-stream


def test_another_size_in_mid_stream(tmp_path: Path) -> None:
    scene(tmp_path / "a.ts", "red")
    scene(tmp_path / "b.ts", "blue", size="640x360", more=("-output_ts_offset", "4"))
    scene(tmp_path / "c.ts", "green", size="180x320", more=("-output_ts_offset", "8"))
    found, told = seen(joined(tmp_path / "x.ts", *(tmp_path / f"{name}.ts" for name in "abc")))
    assert told == ["red at 0", "blue at 4", "green at 8"]
    assert {path.name for path in (tmp_path / "frames").glob("*.jpg")} == {frame.image for frame in found.frames}


@pytest.mark.parametrize("kind", ["ts", "mpg"])
def test_a_clock_that_begins_again(tmp_path: Path, kind: str) -> None:
    codecs = () if kind == "ts" else ("-c:v", "mpeg2video", "-r", "25", "-c:a", "mp2")
    parts = [scene(tmp_path / f"{c}.{kind}", c, more=codecs) for c in ("red", "blue", "green")]
    path = joined(tmp_path / f"x.{kind}", *parts)
    assert probe_media(path, LIMITS).duration_s == pytest.approx(12, abs=0.5)
    pictures, told = seen(path)
    assert told == ["red at 0", "blue at 4", "green at 8"]
    sound, made = heard(path)
    assert sound.length_s == pytest.approx(12, abs=0.5)
    assert (loudness(made) > 0.05).all()
    assert (pictures.damage, sound.damage) == ("", "")


@pytest.mark.parametrize("codec", ["libvorbis", "libopus", "flac"])
@pytest.mark.parametrize("second", [("-ar", "24000"), ("-ac", "2"), ("-c:a", "libvorbis", "-ar", "22050")])
def test_links_of_a_chain_have_headers_of_their_own(tmp_path: Path, codec: str, second: tuple[str, ...]) -> None:
    for name, hz, seconds, more in (("a.ogg", 440, 4, ()), ("b.ogg", 880, 5, second)):
        tone = ("-f", "lavfi", "-i", f"sine=frequency={hz}:sample_rate=48000:duration={seconds}")
        ffmpeg(*tone, "-c:a", codec, *more, tmp_path / name)
    path = joined(tmp_path / "x.ogg", tmp_path / "a.ogg", tmp_path / "b.ogg")
    sound, made = heard(path)
    assert sound.damage == ""
    assert sound.length_s == pytest.approx(9, abs=0.1)
    samples = read_samples(made / WAV)
    heard_hz = [
        int(np.abs(np.fft.rfft(samples[at * SAMPLE_RATE_HZ :][:SAMPLE_RATE_HZ])).argmax()) for at in range(1, 8)
    ]
    assert heard_hz == pytest.approx([440] * 3 + [880] * 4, abs=2)


def test_chained_opus(tmp_path: Path) -> None:
    for n in range(2):
        scene(tmp_path / f"{n}.ogg", "red", more=("-vn", "-c:a", "libopus"))
    sound, made = heard(joined(tmp_path / "x.ogg", tmp_path / "0.ogg", tmp_path / "1.ogg"))
    assert sound.length_s == pytest.approx(8, abs=0.1)
    assert (loudness(made) > 0.05).all()


def test_other_channels_and_rates_in_mid_stream(tmp_path: Path) -> None:
    for n, (channels, rate) in enumerate(((2, 48_000), (6, 48_000), (1, 44_100))):
        more = ("-vn", "-c:a", "ac3", "-ac", str(channels), "-ar", str(rate), "-output_ts_offset", str(4 * n))
        scene(tmp_path / f"{n}.ts", "red", more=more)
    sound, made = heard(joined(tmp_path / "x.ts", *(tmp_path / f"{n}.ts" for n in range(3))))
    assert sound.length_s == pytest.approx(12, abs=0.3)
    assert (loudness(made) > 0.03).all()


# A6: jumps


@pytest.mark.parametrize("kind", ["ts", "mkv"])
def test_a_gap_of_hours_is_said_and_not_written(tmp_path: Path, kind: str) -> None:
    three_hours = ("-output_ts_offset", "10800")
    if kind == "ts":
        path = joined(
            tmp_path / "x.ts", scene(tmp_path / "a.ts", "red"), scene(tmp_path / "b.ts", "blue", more=three_hours)
        )
    else:
        path = tmp_path / "x.mkv"
        scene(tmp_path / "a.mkv", "red", 8)
        late = "setts=ts=if(gte(TS*TB\\,4)\\,TS+10800/TB\\,TS)"
        ffmpeg("-i", tmp_path / "a.mkv", "-c", "copy", "-bsf:v", late, "-bsf:a", late, path)
    sound, made = heard(path)
    assert (made / WAV).stat().st_size < 60 * 2 * SAMPLE_RATE_HZ
    assert sound.length_s == pytest.approx(10_800 + (4 if kind == "ts" else 8), abs=2)
    assert any(
        note.startswith(("nothing for 2:59:5", "nothing for 3:00:0")) for note in probe_media(path, LIMITS).notes
    )
    spans = Spans.read(made)
    assert spans.time_s(2.0) == pytest.approx(2.0)
    wav_s = len(loudness(made))
    assert spans.time_s(wav_s) == pytest.approx(sound.length_s, abs=1.1)
    assert seen(path)[0].frames[-1].time_s >= (10_800 - 1 if kind == "ts" else 0)


# A10-A14


def test_a_length_that_is_an_end(tmp_path: Path) -> None:
    scene(tmp_path / "a.mp4", "red")
    for name in ("late.mkv", "late.mp4", "late.ts"):
        ffmpeg("-i", tmp_path / "a.mp4", "-c", "copy", "-output_ts_offset", "3600", tmp_path / name)
        media = probe_media(tmp_path / name, LIMITS)
        assert media.duration_s == pytest.approx(4, abs=0.3), name
        sound, _ = heard(tmp_path / name)
        pictures, told = seen(tmp_path / name)
        assert (sound.damage, pictures.damage, told) == ("", "", ["red at 0"]), name
        assert sound.length_s == pytest.approx(4, abs=0.3)


def test_a_clock_that_begins_before_zero(tmp_path: Path) -> None:
    scene(tmp_path / "a.mp4", "red", 1)
    scene(tmp_path / "b.mp4", "blue", 4)
    (tmp_path / "list").write_text("file a.mp4\nfile b.mp4\n")
    ffmpeg("-f", "concat", "-i", tmp_path / "list", "-c", "copy", tmp_path / "whole.mp4")
    early = ("-c", "copy", "-output_ts_offset", "-2", "-avoid_negative_ts", "disabled")
    ffmpeg("-i", tmp_path / "whole.mp4", *early, tmp_path / "x.ts")
    _, told = seen(tmp_path / "x.ts")
    assert told == ["red at 0", "blue at 1"]


@pytest.mark.parametrize("curve", ["smpte2084", "arib-std-b67"])
def test_hdr_without_names_for_its_colours(tmp_path: Path, curve: str) -> None:
    more = ("-c:v", "libx265", "-pix_fmt", "yuv420p10le", "-x265-params", f"log-level=0:transfer={curve}")
    scene(tmp_path / "a.mkv", "white", 2, more=more)
    media = probe_media(tmp_path / "a.mkv", LIMITS)
    assert (media.hdr, media.unsaid) == (True, ("color_primaries", "colorspace"))
    assert seen(tmp_path / "a.mkv")[1] == ["white at 0"]


def test_a_track_without_packets(tmp_path: Path) -> None:
    scene(tmp_path / "a.mp4", "red", 2)
    inputs = ("-i", tmp_path / "a.mp4", "-f", "lavfi", "-i", "anullsrc", "-map", "0:v", "-map", "1:a")
    ffmpeg(*inputs, "-c:v", "copy", "-c:a", "aac", "-af", "atrim=end=0", tmp_path / "x.mkv")
    media = probe_media(tmp_path / "x.mkv", LIMITS)
    assert (media.audio_stream, media.notes) == (None, ("sound track 1 holds nothing",))


def test_joined_mp3_is_whole(tmp_path: Path) -> None:
    for n in range(2):
        scene(tmp_path / f"{n}.mp3", "red", more=("-vn", "-c:a", "libmp3lame"))
    sound, made = heard(joined(tmp_path / "x.mp3", tmp_path / "0.mp3", tmp_path / "1.mp3"))
    assert (sound.damage, sound.length_s) == ("", pytest.approx(8, abs=0.3))
    assert (loudness(made) > 0.05).all()


def test_encrypted_streams_are_called_so(tmp_path: Path) -> None:
    key = "76a6c65c5ea762046bd749a2e632ccbb"
    more = ("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", key, "-encryption_kid", key)
    scene(tmp_path / "a.mp4", "red", 2, more=more)
    with pytest.raises(UnsupportedMedia, match="is encrypted"):
        probe_media(tmp_path / "a.mp4", LIMITS)


def test_colours_behind_transparency_do_not_show(tmp_path: Path) -> None:
    picture = Image.new("RGBA", (320, 180), (255, 0, 0, 0))
    picture.paste((0, 0, 255, 255), (80, 40, 240, 140))
    picture.save(tmp_path / "a.png")
    ffmpeg("-loop", "1", "-t", "2", "-i", tmp_path / "a.png", "-c:v", "qtrle", "-pix_fmt", "argb", tmp_path / "a.mov")
    seen(tmp_path / "a.mov")
    with Image.open(tmp_path / "frames" / "000001.jpg") as image:
        assert max(image.convert("RGB").getpixel((10, 10))) < 30
        assert image.convert("RGB").getpixel((160, 90))[2] > 200
