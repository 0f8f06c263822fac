"""Videos: the picture of their DAG. Speech and frames are branches that run at the same time and fail apart."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    from flows.warm.command import main

    sys.exit(main(["video", *sys.argv[1:]]))

from flows.engine.prefect_flows import flow_attribute
from medley.dag.pipeline import pipeline
from medley.dag.tracing import Node
from medley.option_values import Ocr
from medley.options import VideoOptions
from medley.types import TIMED
from tasks.captions import caption_shots, caption_shots_in_words, embed_captions, write_captions
from tasks.chapters import embed_chapters, read_chapters, write_chapters
from tasks.frames import embed_frames, label_frames, sample_frames, write_frames
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

    frames = sample_frames(assets)
    pictures = embed_frames(frames)
    write_frames(label_frames(pictures) if options.labels else pictures)

    if options.frames.ocr is not Ocr.OFF:
        screens = read_frames(frames)
        passages = chunk_screens(screens)
        meanings = embed_screens(passages)
        write_screens(meanings)

    if options.frames.captions and options.captions.model:
        with_words = options.captions.words
        captions = caption_shots_in_words(frames, transcript, subtitles) if with_words else caption_shots(frames)
        said = embed_captions(captions)
        write_captions(said)

    chapters = read_chapters(assets)
    titles = embed_chapters(chapters)
    write_chapters(titles)


#: `ingest_video` is the Prefect flow of this picture.
__getattr__ = flow_attribute("ingest_video", video)
