"""Videos: the picture of their DAG. Speech and frames are branches that run at the same time and fail apart."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    from flows.warm.command import main

    sys.exit(main(["video", *sys.argv[1:]]))

from flows.engine.prefect_flows import flow_attribute
from medley.dag.pipeline import pipeline
from medley.dag.stage import numbered
from medley.dag.tracing import Node
from medley.option_values import Ocr
from medley.options import VideoOptions
from medley.types import TIMED
from tasks.captions import caption_shots, caption_shots_in_words, embed_captions, write_captions
from tasks.chapters import embed_chapters, read_chapters, write_chapters
from tasks.frames import branches_of_pictures, embed_frames, further_frames, label_frames, sample_frames, write_frames
from tasks.screens import chunk_screens, embed_screens, read_frames, write_screens
from tasks.speakers import chunk_by_speaker, find_speakers, write_speakers
from tasks.speech import chunk, embed_text, extract_audio, transcribe, write_speech
from tasks.subtitles import chunk_subtitles, embed_subtitles, heard_besides, subtitles_of, write_subtitles
from tasks.topics import (
    embed_subtitle_topics,
    embed_topics,
    find_topics,
    name_subtitle_topics,
    name_topics,
    subtitle_topics,
    write_subtitle_topics,
    write_topics,
)


def _speech(assets: Node, options: VideoOptions) -> tuple[Node, Node]:
    audio = heard_besides(extract_audio, options.speech)(assets)
    transcript = transcribe(audio)
    if options.speech.speakers:
        voices = heard_besides(find_speakers, options.speech)(assets)
        chunks = chunk_by_speaker(transcript, voices)
        write_speakers(voices)
    else:
        chunks = chunk(transcript)
    vectors = embed_text(chunks)
    write_speech(vectors)
    return transcript, vectors


def _topics(heard: Node, written: Node, options: VideoOptions) -> None:
    topics, others = find_topics(heard), subtitle_topics(options.speech)(written)
    if options.speech.titles and options.captions.model:
        topics, others = name_topics(topics, heard), name_subtitle_topics(others, written)
    titles = embed_topics(topics)
    write_topics(titles)
    titles = embed_subtitle_topics(others)
    write_subtitle_topics(titles)


def _pictures(frames: Node, n: int, options: VideoOptions) -> None:
    pictures = numbered(embed_frames, n)(frames)
    numbered(write_frames, n)(numbered(label_frames, n)(pictures) if options.labels else pictures)
    if options.frames.ocr is not Ocr.OFF:
        screens = numbered(read_frames, n)(frames)
        passages = numbered(chunk_screens, n)(screens)
        meanings = numbered(embed_screens, n)(passages)
        numbered(write_screens, n)(meanings)


@pipeline(options=VideoOptions, media=("video/*", "audio/*", *TIMED), batch=16, batch_s=60.0)
def video(assets: Node, options: VideoOptions) -> None:
    """Makes videos searchable by what is said, seen and written on their pictures."""
    transcript, heard = _speech(assets, options)

    subtitles = subtitles_of(options.speech)(assets)
    cues = chunk_subtitles(subtitles)
    texts = embed_subtitles(cues)
    write_subtitles(texts)
    if options.speech.topics:
        _topics(heard, texts, options)

    for n in branches_of_pictures(options.frames):
        frames = (sample_frames if n == 1 else further_frames(n))(assets)
        _pictures(frames, n, options)
        if options.frames.captions and options.captions.model:
            told = (transcript, subtitles) if options.captions.words else ()
            captions = numbered(caption_shots_in_words if told else caption_shots, n)(frames, *told)
            said = numbered(embed_captions, n)(captions)
            numbered(write_captions, n)(said)

    chapters = read_chapters(assets)
    titles = embed_chapters(chapters)
    write_chapters(titles)


#: `ingest_video` is the Prefect flow of this picture.
__getattr__ = flow_attribute("ingest_video", video)
