"""Containers and codecs of common use, as many as ffmpeg here can write. All of them must come through."""

from __future__ import annotations

from tests.hard.case import Case, encoded

_X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
_AAC = ("-c:a", "aac")
_HEVC = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error")
_VP8 = ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8")
_VP9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8")
_AV1 = ("-c:v", "libsvtav1", "-preset", "12")
_JPEG = ("-c:v", "mjpeg", "-pix_fmt", "yuvj420p")
_SOUND_ALONE = ("-vn",)


def _case(name: str, *options: object, **expected: object) -> Case:
    return Case(name, encoded(*options), **expected)  # type: ignore[arg-type,unused-ignore]


VIDEOS = (
    _case("h264_aac.mp4", *_X264, *_AAC),
    _case("h264_aac_faststart.mp4", *_X264, *_AAC, "-movflags", "+faststart"),
    _case("h264_fragmented.mp4", *_X264, *_AAC, "-movflags", "+frag_keyframe+empty_moov+default_base_moof"),
    _case("hevc_aac.mp4", *_HEVC, *_AAC),
    _case("av1_opus.mp4", *_AV1, "-c:a", "libopus"),
    _case("vp9_opus.mp4", *_VP9, "-c:a", "libopus"),
    _case("mpeg4_mp3.mp4", "-c:v", "mpeg4", "-c:a", "libmp3lame"),
    _case("h264_pcm.mov", *_X264, "-c:a", "pcm_s16le"),
    _case("prores.mov", "-c:v", "prores_ks", "-profile:v", "1", "-c:a", "pcm_s24le"),
    _case(
        "prores4444_alpha.mov", "-c:v", "prores_ks", "-profile:v", "4", "-pix_fmt", "yuva444p10le", "-c:a", "pcm_s16le"
    ),
    _case("mjpeg.mov", *_JPEG, "-c:a", "pcm_s16le"),
    _case("qtrle.mov", "-c:v", "qtrle", "-c:a", "pcm_s16be"),
    _case("h264_alac.mov", *_X264, "-c:a", "alac"),
    _case("h264_flac.mkv", *_X264, "-c:a", "flac"),
    _case("ffv1_pcm.mkv", "-c:v", "ffv1", "-c:a", "pcm_s16le"),
    _case("mpeg2_ac3.mkv", "-c:v", "mpeg2video", "-c:a", "ac3"),
    _case("vp8_vorbis.mkv", *_VP8, "-c:a", "libvorbis"),
    _case("hevc_eac3.mkv", *_HEVC, "-c:a", "eac3"),
    _case("vp8_vorbis.webm", *_VP8, "-c:a", "libvorbis"),
    _case("vp9_opus.webm", *_VP9, "-c:a", "libopus"),
    _case("av1_opus.webm", *_AV1, "-c:a", "libopus"),
    _case("xvid_mp3.avi", "-c:v", "mpeg4", "-vtag", "xvid", "-c:a", "libmp3lame"),
    _case("mjpeg_pcm.avi", *_JPEG, "-c:a", "pcm_s16le"),
    _case("msmpeg4.avi", "-c:v", "msmpeg4v2", "-c:a", "libmp3lame"),
    _case("h264_mp3.avi", *_X264, "-bf", "0", "-c:a", "libmp3lame"),
    _case("mpeg2_mp2.ts", "-c:v", "mpeg2video", "-c:a", "mp2"),
    _case("h264_aac.ts", *_X264, *_AAC),
    _case("hevc_ac3.ts", *_HEVC, "-c:a", "ac3"),
    _case("h264_aac.m2ts", *_X264, *_AAC, "-f", "mpegts", "-mpegts_m2ts_mode", "1"),
    _case("mpeg1_mp2.mpg", "-c:v", "mpeg1video", "-c:a", "mp2"),
    _case("mpeg2_ac3.vob", "-c:v", "mpeg2video", "-c:a", "ac3", "-f", "vob"),
    _case("flv1_mp3.flv", "-c:v", "flv", "-c:a", "libmp3lame", "-ar", "44100"),
    _case("h264_aac.flv", *_X264, *_AAC, "-ar", "44100"),
    _case("wmv2_wmav2.wmv", "-c:v", "wmv2", "-c:a", "wmav2"),
    _case("wmv1_wmav1.wmv", "-c:v", "wmv1", "-c:a", "wmav1"),
    _case("theora_vorbis.ogv", "-c:v", "libtheora", "-c:a", "libvorbis"),
    _case("h263_amr.3gp", "-c:v", "h263", "-vf", "pad=352:288", "-c:a", "libopencore_amrnb", "-ar", "8000", "-ac", "1"),
    _case("h264_aac.m4v", *_X264, *_AAC, "-f", "mp4"),
)

SOUNDS = tuple(
    _case(name, *_SOUND_ALONE, *options, seen=False)
    for name, *options in (
        ("lame.mp3", "-c:a", "libmp3lame"),
        ("untagged.mp3", "-c:a", "libmp3lame", "-id3v2_version", "0", "-write_xing", "0"),
        ("pcm.wav", "-c:a", "pcm_s16le"),
        ("pcm24_6ch.wav", "-c:a", "pcm_s24le", "-ac", "6"),
        ("float.wav", "-c:a", "pcm_f32le"),
        ("mulaw_8k.wav", "-c:a", "pcm_mulaw", "-ar", "8000", "-ac", "1"),
        ("rf64.wav", "-c:a", "pcm_s16le", "-rf64", "always"),
        ("flac.flac", "-c:a", "flac"),
        ("aac.m4a", "-c:a", "aac"),
        ("alac.m4a", "-c:a", "alac"),
        ("vorbis.ogg", "-c:a", "libvorbis"),
        ("opus.opus", "-c:a", "libopus"),
        ("flac.ogg", "-c:a", "flac"),
        ("adts.aac", "-c:a", "aac"),
        ("wma.wma", "-c:a", "wmav2"),
        ("matroska.mka", "-c:a", "libopus"),
    )
)
