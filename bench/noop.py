"""A pipeline of eight stages that do next to nothing, in the shape of `video`: what is left is the cost of Medley."""

from __future__ import annotations

from typing import Any

from medley.pipelines import FileOptions, pipeline, stage

HEAD = b"medley-noop\n"
MEDIA = ("application/x-medley-noop",)
_WAITS = 0.1


def _nothing(source: Any, draft: Any, context: Any) -> None:
    (draft.directory / "nothing").write_text("1")


def _stage(name: str, branch: str, num_cpus: float = _WAITS) -> Any:
    def work(source: Any, draft: Any, context: Any) -> None:
        _nothing(source, draft, context)

    work.__name__ = name
    return stage(branch=branch, num_cpus=num_cpus)(work)


extract_audio = _stage("extract_audio", "speech", 1.0)
transcribe = _stage("transcribe", "speech")
chunk = _stage("chunk", "speech")
embed_text = _stage("embed_text", "speech")
write_speech = _stage("write_speech", "speech")
sample_frames = _stage("sample_frames", "frames", 1.0)
embed_frames = _stage("embed_frames", "frames")
write_frames = _stage("write_frames", "frames")


def _is_ours(head: bytes, name: str) -> str | None:
    return "application/x-medley-noop" if head.startswith(HEAD) else None


@pipeline(options=FileOptions, media=MEDIA, sniff=_is_ours)
def noop(assets: Any, options: Any) -> None:
    """Does nothing in eight stages and two branches."""
    write_speech(embed_text(chunk(transcribe(extract_audio(assets)))))
    write_frames(embed_frames(sample_frames(assets)))


@pipeline(options=FileOptions, media=MEDIA, sniff=_is_ours, batch=4)
def noop_by_4(assets: Any, options: Any) -> None:
    """Does nothing to four files at a time, as clips of 15 s go through the stages."""
    noop(assets, options)


@pipeline(options=FileOptions, media=MEDIA, sniff=_is_ours, batch=100)
def noop_by_100(assets: Any, options: Any) -> None:
    """Does nothing in three stages to a hundred files at a time, as pictures go through them."""
    write_frames(embed_frames(sample_frames(assets)))
