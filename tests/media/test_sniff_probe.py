"""What a file is: told by its bytes, probed in a child, and nothing else opened."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from medley.errors import CorruptMedia, MissingFile, TooLarge, UnsupportedMedia
from medley.media.probe import PROBED, probe_media
from medley.media.sniff import sniff
from medley.setting_groups import Limits
from medley.tracks import PictureTrack, SoundTrack
from medley.types import MediaInfo
from tests.conftest import SAMPLE
from tests.variants import ffmpeg

LIMITS = Limits()
H264, AAC = ["-c:v", "libx264", "-preset", "ultrafast"], ["-c:a", "aac"]
VP8 = ["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8"]
#: file name -> options, demuxer, media type
WITH_PICTURE: dict[str, tuple[list[str], str, str]] = {
    "a.mp4": ([*H264, *AAC], "mov", "video/mp4"),
    "faststart.mp4": ([*H264, *AAC, "-movflags", "+faststart"], "mov", "video/mp4"),
    "fragmented.mp4": ([*H264, *AAC, "-movflags", "frag_keyframe+empty_moov"], "mov", "video/mp4"),
    "a.mov": ([*H264, *AAC], "mov", "video/quicktime"),
    "a.3gp": ([*H264, *AAC], "mov", "video/mp4"),
    "a.mkv": ([*H264, *AAC], "matroska", "video/x-matroska"),
    "a.webm": ([*VP8, "-c:a", "libopus"], "matroska", "video/webm"),
    "a.avi": (["-c:v", "mpeg4", "-c:a", "libmp3lame"], "avi", "video/x-msvideo"),
    "a.ts": ([*H264, *AAC], "mpegts", "video/mp2t"),
    "a.flv": ([*H264, *AAC], "flv", "video/x-flv"),
    "a.wmv": (["-c:v", "wmv2", "-c:a", "wmav2"], "asf", "video/x-ms-asf"),
    "a.mpg": (["-c:v", "mpeg2video", "-c:a", "mp2"], "mpeg", "video/mpeg"),
    "a.mxf": (["-c:v", "mpeg2video", "-r", "25", "-c:a", "pcm_s16le", "-ar", "48000"], "mxf", "application/mxf"),
    "a.nut": ([*H264, *AAC], "nut", "video/x-nut"),
    "a.dv": (["-target", "pal-dv"], "dv", "video/dv"),
    "a.rm": (["-c:v", "rv20", "-s", "176x144", "-c:a", "ac3"], "rm", "application/vnd.rn-realmedia"),
}
SIZES = {"a.dv": (720, 576), "a.rm": (176, 144)}  # these know few sizes
SOUND: dict[str, tuple[list[str], str, str]] = {
    "a.mp3": (["-c:a", "libmp3lame"], "mp3", "audio/mpeg"),
    "bare.mp3": (["-c:a", "libmp3lame", "-id3v2_version", "0"], "mp3", "audio/mpeg"),
    "a.wav": ([], "wav", "audio/wav"),
    "a.flac": ([], "flac", "audio/flac"),
    "a.m4a": (AAC, "mov", "audio/mp4"),
    "a.aac": (AAC, "aac", "audio/aac"),
    "a.ogg": (["-c:a", "libvorbis"], "ogg", "application/ogg"),
    "a.opus": (["-c:a", "libopus"], "ogg", "application/ogg"),
    "a.wma": (["-c:a", "wmav2"], "asf", "audio/x-ms-asf"),
    "a.aiff": ([], "aiff", "audio/aiff"),
    "a.caf": ([], "caf", "audio/x-caf"),
    "a.au": ([], "au", "audio/basic"),
    "a.w64": ([], "w64", "audio/x-w64"),
    "a.ac3": ([], "ac3", "audio/ac3"),
    "a.eac3": ([], "eac3", "audio/eac3"),
    "a.dts": (["-c:a", "dca", "-strict", "-2"], "dts", "audio/vnd.dts"),
    "a.mp2": ([], "mp3", "audio/mpeg"),
    "a.wv": ([], "wv", "audio/x-wavpack"),
    "a.tta": ([], "tta", "audio/x-tta"),
    "a.mka": (AAC, "matroska", "audio/x-matroska"),
    "sound.mp4": (AAC, "mov", "audio/mp4"),
}


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of the sample, small, without loss: quick to encode again."""
    made = tmp_path_factory.mktemp("media") / "short.mkv"
    ffmpeg("-i", SAMPLE, "-t", 2, "-s", "160x90", *H264, "-g", "25", "-c:a", "pcm_s16le", made)
    return made


def nameless(path: Path) -> Path:
    """The same file under a name that says something else."""
    return path.rename(path.with_name("concat:a|b %d.txt"))


@pytest.mark.parametrize("name", WITH_PICTURE)
def test_containers_with_picture_and_sound(short: Path, tmp_path: Path, name: str) -> None:
    options, demuxer, media_type = WITH_PICTURE[name]
    made = tmp_path / name
    ffmpeg("-i", short, *options, made)
    path = nameless(made)
    assert (sniff(path).demuxer, sniff(path).media_type) == (demuxer, media_type)
    media = probe_media(path, LIMITS)
    assert (media.demuxer, media.media_type) == (demuxer, media_type)
    assert (media.width_px, media.height_px) == SIZES.get(name, (160, 90))
    assert {media.audio_stream, media.video_stream} == {0, 1}
    assert media.duration_s == pytest.approx(2.0, abs=0.2)
    assert -0.05 <= media.start_s < 2


@pytest.mark.parametrize("name", SOUND)
def test_containers_with_sound_alone(short: Path, tmp_path: Path, name: str) -> None:
    options, demuxer, media_type = SOUND[name]
    made = tmp_path / name
    ffmpeg("-i", short, "-vn", "-map_metadata", "-1", *options, made)
    media = probe_media(nameless(made), LIMITS)
    assert (media.demuxer, media.media_type) == (demuxer, media_type)
    assert (media.audio_stream, media.video_stream, media.width_px) == (0, None, 0)
    assert media.duration_s == pytest.approx(2.0, abs=0.3)


def test_a_name_that_looks_like_an_address(short: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "http:").mkdir()
    path = tmp_path / "http:" / "x.mkv"
    path.write_bytes(short.read_bytes())
    monkeypatch.chdir(tmp_path)
    assert probe_media(path, LIMITS).video_stream == 0


@pytest.mark.parametrize("name", ["cover.mp3", "cover.m4a", "cover.flac"])
def test_cover_art_is_no_picture(short: Path, tmp_path: Path, name: str) -> None:
    Image.new("RGB", (64, 64), "red").save(tmp_path / "cover.jpg")
    art = ["-map", "0:a", "-map", "1:v", "-c:v", "copy", "-disposition:v:0", "attached_pic"]
    ffmpeg("-i", short, "-i", tmp_path / "cover.jpg", *art, tmp_path / name)
    media = probe_media(tmp_path / name, LIMITS)
    assert (media.audio_stream, media.video_stream) == (0, None)
    assert media.media_type.startswith("audio/")


# hostile files


@pytest.fixture
def canary() -> Iterator[socket.socket]:
    """A server that nobody may talk to."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server
        with pytest.raises(BlockingIOError):
            server.accept()


def playlist(canary: socket.socket) -> str:
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nhttp://127.0.0.1:{canary.getsockname()[1]}/a.ts\n"


@pytest.mark.parametrize(
    ("before", "text", "said"),
    [
        (b"", "{playlist}", "an HLS playlist"),
        (b"\xef\xbb\xbf\n", "{playlist}", "an HLS playlist"),
        (b"", "ffconcat version 1.0\nfile {url}\n", "an ffconcat script"),
        (b"", "file '{url}'\n", "it is a text file"),
        (b"", "<MPD><BaseURL>{url}</BaseURL></MPD>", "it is a text file"),
        (b"PK\x03\x04\0\0", "", "a ZIP archive"),
        (b"\0\1\2\3\xfe\xff", "", "no container that we know"),
        (b"", "", "it is empty"),
    ],
)
def test_what_is_no_media_is_refused_unopened(
    canary: socket.socket, tmp_path: Path, before: bytes, text: str, said: str
) -> None:
    path = tmp_path / "film.mp4"
    url = f"http://127.0.0.1:{canary.getsockname()[1]}/a.ts"
    path.write_bytes(before + text.format(playlist=playlist(canary), url=url).encode())
    for look in (sniff, lambda file: probe_media(file, LIMITS)):  # only sniffing, before any child, says Unsupported
        with pytest.raises(UnsupportedMedia, match=said) as caught:
            look(path)
        assert str(path) in str(caught.value)


MAGIC = [b"ID3\x04\0\0\0\0\0\0", b"\0\0\0\x14ftypisom", b"OggS", b"RIFF\0\0\0\0WAVE", b"\x1a\x45\xdf\xa3", b"FLV\x01"]


@pytest.mark.parametrize("magic", MAGIC)
def test_a_playlist_behind_a_containers_first_bytes(canary: socket.socket, tmp_path: Path, magic: bytes) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(magic + b"\n" + playlist(canary).encode() * 20)
    with pytest.raises(CorruptMedia) as caught:
        probe_media(path, LIMITS)
    assert str(path) in str(caught.value)


def test_damaged_files_are_told_apart(short: Path, tmp_path: Path) -> None:
    mp4 = tmp_path / "a.mp4"
    ffmpeg("-i", short, *H264, *AAC, mp4)
    mp4.write_bytes(mp4.read_bytes()[:3000])
    with pytest.raises(CorruptMedia, match="moov atom"):
        probe_media(mp4, LIMITS)
    with pytest.raises(MissingFile, match="does not exist"):
        probe_media(tmp_path / "nothing.mp4", LIMITS)
    with pytest.raises(UnsupportedMedia, match="no regular file"):
        probe_media(tmp_path, LIMITS)


def test_neither_sound_nor_picture(tmp_path: Path) -> None:
    (tmp_path / "a.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nHello\n")
    ffmpeg("-i", tmp_path / "a.srt", tmp_path / "a.mkv")
    with pytest.raises(CorruptMedia, match="neither sound nor picture"):
        probe_media(tmp_path / "a.mkv", LIMITS)


def test_pictures_that_are_too_large(short: Path) -> None:
    with pytest.raises(TooLarge, match=r"160x90 pixels.*MEDLEY_LIMITS__MAX_PIXELS") as caught:
        probe_media(short, Limits(max_pixels=160 * 90 - 1))
    assert str(short) in str(caught.value)
    assert probe_media(short, Limits(max_pixels=160 * 90)).width_px == 160


@pytest.mark.parametrize("name", ["many.mp4", "many.mkv"])
def test_too_many_streams(short: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    ffmpeg("-i", short, *["-map", "0:v", "-map", "0:a", "-map", "0:a"], *H264, *AAC, path)
    assert probe_media(path, Limits(max_streams=3)).audio_stream == 1
    with pytest.raises(TooLarge, match="MEDLEY_LIMITS__MAX_STREAMS"):
        probe_media(path, Limits(max_streams=2))


def test_what_the_probe_says_is_small_and_whole(short: Path) -> None:
    assert probe_media(short, LIMITS) == MediaInfo(
        demuxer="matroska",
        media_type="video/x-matroska",
        start_s=0.0,
        duration_s=pytest.approx(2.0, abs=0.05),
        audio_stream=1,
        video_stream=0,
        width_px=160,
        height_px=90,
        video_s=pytest.approx(2.0, abs=0.05),
        whole_s=pytest.approx(2.0, abs=0.05),
        tracks=(SoundTrack(1, "", pytest.approx(2.0, abs=0.05)),),
        pictures=(PictureTrack(0, 160, 90, video_s=pytest.approx(2.0, abs=0.05)),),
        probed=PROBED,
    )


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.mp3", "a.opus", "a.ogg", "a.flac", "a.wav", "a.m4a"])
def test_what_a_file_says_of_itself(tmp_path: Path, name: str) -> None:
    options = WITH_PICTURE[name][0] if name in WITH_PICTURE else SOUND[name][0]
    told = ["-metadata", "title=Über die  Küste\n", "-metadata", "artist=A. Tern", "-metadata", "encoder_options=x"]
    ffmpeg("-i", SAMPLE, "-t", "1", *options, *told, tmp_path / name)
    about = dict(probe_media(tmp_path / name, LIMITS).about)
    assert (about["title"], about["artist"]) == ("Über die Küste", "A. Tern")
    assert "encoder_options" not in about
