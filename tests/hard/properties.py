"""Common formats with uncommon properties: turned, interlaced, deep, wide, late, long, many-tracked."""

from __future__ import annotations

from pathlib import Path

from tests.hard.case import Case, Make, encoded
from tests.variants import ffmpeg

_X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
_AAC = ("-c:a", "aac")
_HEVC = ("-c:v", "libx265", "-preset", "ultrafast")


def _hdr(transfer: str) -> Make:
    """The picture graded as a television does it: BT.2020, ten bits, and a transfer curve of its own."""
    to = f"zscale=tin=bt709:min=bt709:pin=bt709:t={transfer}:p=bt2020:m=2020_ncl:npl=203,format=yuv420p10le"
    marks = f"log-level=error:colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc"
    return encoded("-vf", to, *_HEVC, "-x265-params", marks, *_AAC)


def _turned(degrees: int) -> Make:
    """Stored lying on its side, with the note that players turn it back by."""

    def make(base: Path, out: Path) -> None:
        lying = out.with_suffix(".lying.mp4")
        ffmpeg("-i", base, "-vf", "transpose=1" if degrees == 90 else "transpose=2", *_X264, *_AAC, lying)
        ffmpeg("-display_rotation", degrees, "-i", lying, "-c", "copy", out)
        lying.unlink()

    return make


def _cover(*options: object) -> Make:
    """Sound with a picture of the album: the picture is no video."""

    def make(base: Path, out: Path) -> None:
        art = out.with_suffix(".png")
        ffmpeg("-f", "lavfi", "-i", "color=blue:s=64x64", "-frames:v", "1", art)
        inputs = ("-i", base, "-i", art, "-map", "0:a", "-map", "1:v")
        ffmpeg(*inputs, *options, "-c:v", "copy", "-disposition:v:0", "attached_pic", out)
        art.unlink()

    return make


def _longer(what: str) -> Make:
    """Sound that goes on for three seconds behind the picture, or the reverse."""
    sound = ("-af", "apad=pad_dur=3") if what == "sound" else ()
    picture = ("-vf", "tpad=stop_mode=clone:stop_duration=3") if what == "picture" else ()
    return encoded(*sound, *picture, *_X264, *_AAC)


def _tracks(base: Path, out: Path) -> None:
    """Two sound tracks: the first is silent, the second is the one that players choose."""
    silence = ("-f", "lavfi", "-t", "5", "-i", "anullsrc=r=16000:cl=mono")
    maps = ("-map", "0:v", "-map", "1:a", "-map", "0:a")
    ffmpeg("-i", base, *silence, *maps, *_X264, *_AAC, "-disposition:a:0", "0", "-disposition:a:1", "default", out)


def _with_subtitles(base: Path, out: Path) -> None:
    words = out.with_suffix(".srt")
    words.write_text("1\n00:00:00,000 --> 00:00:02,000\nnever said\n")
    ffmpeg("-i", base, "-i", words, "-map", "0", "-map", "1", *_X264, *_AAC, "-c:s", "mov_text", out)
    words.unlink()


def _huge_frame(base: Path, out: Path) -> None:
    """One picture of 8192 x 8192, the largest that the default limits let in."""
    ffmpeg("-i", base, "-an", "-frames:v", "1", "-vf", "scale=8192:8192", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", out)


PROPERTIES = (
    Case("ten_bit.mkv", encoded("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", *_AAC)),
    Case("yuv444.mp4", encoded("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv444p", *_AAC)),
    Case("full_range.mp4", encoded(*_X264, "-vf", "scale=out_range=full", "-color_range", "pc", *_AAC)),
    Case("hdr_pq.mp4", _hdr("smpte2084")),
    Case("hdr_hlg.mp4", _hdr("arib-std-b67")),
    Case("turned_90.mp4", _turned(90)),
    Case("turned_270.mp4", _turned(270)),
    Case("variable_rate.mp4", encoded("-vf", "select='not(mod(n,3))+lt(n,20)'", "-fps_mode", "vfr", *_X264, *_AAC)),
    Case("one_fps.mp4", encoded("-r", "1", *_X264, *_AAC), seconds=7.0),
    Case("fast_120fps.mp4", encoded("-r", "120", *_X264, *_AAC)),
    Case(
        "interlaced.ts",
        encoded("-vf", "tinterlace=interleave_top", "-flags", "+ilme+ildct", "-c:v", "mpeg2video", "-c:a", "mp2"),
    ),
    Case(
        "interlaced_h264.mkv",
        encoded("-vf", "tinterlace=interleave_top", "-flags", "+ildct+ilme", *_X264, "-x264opts", "tff=1", *_AAC),
    ),
    Case("odd_size.mkv", encoded("-vf", "scale=321:181", "-c:v", "ffv1", "-pix_fmt", "yuv444p", "-c:a", "flac")),
    Case("anamorphic.mp4", encoded("-vf", "scale=160:180,setsar=2", *_X264, *_AAC)),
    Case("tall.mp4", encoded("-vf", "crop=100:180:in_w/2-50:0", *_X264, *_AAC), seen=False),
    Case("tiny_picture.mp4", encoded("-vf", "scale=16:16", *_X264, *_AAC), seen=False),
    Case("one_frame.mp4", encoded("-an", "-frames:v", "1", *_X264), heard=False),
    Case("no_picture.mp4", encoded("-vn", *_AAC), seen=False),
    Case("no_sound.mp4", encoded("-an", *_X264), heard=False),
    Case("two_tracks.mkv", _tracks),
    Case("surround.mkv", encoded(*_X264, "-c:a", "ac3", "-ac", "6")),
    Case("mono_8k.avi", encoded("-c:v", "mpeg4", "-c:a", "pcm_s16le", "-ar", "8000", "-ac", "1")),
    Case("left_ear.mp4", encoded("-af", "pan=stereo|c0=c0|c1=0*c0", *_X264, *_AAC)),
    Case("cover.mp3", _cover("-c:a", "libmp3lame"), seen=False),
    Case("cover.m4a", _cover("-c:a", "aac"), seen=False),
    Case("cover.flac", _cover("-c:a", "flac"), seen=False),
    Case("longer_sound.mp4", _longer("sound"), seconds=8.0),
    Case("longer_picture.mp4", _longer("picture"), seconds=8.0),
    Case("huge_frame.mkv", _huge_frame, heard=False, seen=False),
    Case("starts_late.ts", encoded(*_X264, *_AAC, "-output_ts_offset", "36000")),
    Case(
        "starts_before_zero.mkv",
        encoded(*_X264, *_AAC, "-output_ts_offset", "-1.5", "-avoid_negative_ts", "disabled"),
    ),
    Case("subtitles.mp4", _with_subtitles),
    Case("timecode.mov", encoded(*_X264, "-c:a", "pcm_s16le", "-timecode", "01:00:00:00")),
    Case("gray.mkv", encoded("-c:v", "ffv1", "-pix_fmt", "gray", "-c:a", "flac"), seen=False),
)
