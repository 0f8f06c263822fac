"""From words to sentences, chunks, and subtitles."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from medley.options import ChunkOptions
from medley.subtitles import cues, srt, vtt
from medley.transcript import chunk_segments, read_segments, sentences, write_segments
from medley.types import Segment, Word


def words(text: str, *, start_s: float = 0.0, each_s: float = 0.4, pause_s: float = 0.1) -> list[Word]:
    """Words spoken evenly; `|` is a further pause of a second."""
    found, now = [], start_s
    for word in text.split():
        if word == "|":
            now += 1.0
            continue
        found.append(Word(round(now, 3), round(now + each_s, 3), word))
        now += each_s + pause_s
    return found


def texts(segments: list[Segment]) -> list[str]:
    return [segment.text for segment in segments]


@pytest.mark.parametrize(
    ("spoken", "expected"),
    [
        ("", []),
        ("one", ["one"]),
        ("One two. Three four", ["One two.", "Three four"]),
        ("Really? Yes! Well… so", ["Really?", "Yes!", "Well…", "so"]),
        ("你好。 再见！", ["你好。", "再见！"]),
        ("no full stop | but a pause", ["no full stop", "but a pause"]),
        ("a comma, and on", ["a comma, and on"]),
    ],
)
def test_sentences_end_at_punctuation_and_pauses(spoken: str, expected: list[str]) -> None:
    assert texts(sentences(words(spoken))) == expected


def test_half_a_second_is_a_pause_and_less_is_none() -> None:
    assert len(sentences([Word(0, 1, "one"), Word(1.5, 2, "two")])) == 2
    assert len(sentences([Word(0, 1, "one"), Word(1.49, 2, "two")])) == 1


def test_a_sentence_has_the_times_of_its_words() -> None:
    first, second = sentences(words("One two. Three.", start_s=2.0))
    assert (first.start_s, first.end_s) == (2.0, 2.9)
    assert (second.start_s, second.end_s) == (3.0, 3.4)
    assert [word.text for word in first.words] == ["One", "two."]


def test_spaces_around_words_are_not_doubled() -> None:
    assert sentences([Word(0, 1, " One"), Word(1, 2, " two. ")])[0].text == "One two."


def chunks(spoken: list[Word], **options: float) -> list[str]:
    return texts(chunk_segments(sentences(spoken), ChunkOptions.model_validate(options)))


def test_sentences_are_gathered_until_a_chunk_is_full() -> None:
    spoken = words("a b. c d. e f. g.")
    assert chunks(spoken, max_words=4) == ["a b. c d.", "e f. g."]
    assert chunks(spoken, max_words=3) == ["a b.", "c d.", "e f. g."]
    assert chunks(spoken) == ["a b. c d. e f. g."]
    assert chunks([]) == []


def test_a_chunk_lasts_no_longer_than_it_may() -> None:
    assert chunks(words("a b. c d. e f. g."), max_s=2.0) == ["a b. c d.", "e f. g."]


def test_a_long_pause_begins_a_chunk() -> None:
    spoken = words("a b. | c d. e.")
    assert chunks(spoken, max_pause_s=1.0) == ["a b.", "c d. e."]
    assert chunks(spoken, max_pause_s=1.2) == ["a b. c d. e."]


def test_a_sentence_with_too_many_words_is_cut() -> None:
    assert chunks(words("a b c d e f g. h."), max_words=3) == ["a b c", "d e f", "g. h."]


def test_a_sentence_that_lasts_too_long_is_cut() -> None:
    assert chunks(words("a b c d e f", each_s=1.9), max_s=6.0) == ["a b c", "d e f"]


def babble(chance: random.Random) -> list[Word]:
    """Two hundred words with all kinds of pauses, few full stops."""
    spoken, now = [], 0.0
    for number in range(200):
        now += chance.choice([0.0, 0.05, 0.1, 0.3, 0.45, 0.7, 1.5])
        end = now + chance.uniform(0.05, 0.9)
        spoken.append(Word(now, end, f"w{number}{chance.choice(['', '', '', '', '.'])}"))
        now = end
    return spoken


def test_no_chunk_is_larger_than_the_options_say_and_no_word_is_lost() -> None:
    for seed in range(20):
        chance = random.Random(seed)
        spoken, pause_s = babble(chance), chance.choice([0.2, 0.6, 1.0])
        options = ChunkOptions(max_words=chance.randint(1, 30), max_s=chance.uniform(1, 12), max_pause_s=pause_s)
        made = chunk_segments(sentences(spoken), options)
        assert [word for chunk in made for word in chunk.words] == spoken
        assert max(len(chunk.words) for chunk in made) <= options.max_words
        assert max(chunk.end_s - chunk.start_s for chunk in made) <= options.max_s
        pairs = [pair for chunk in made for pair in zip(chunk.words, chunk.words[1:], strict=False)]
        assert all(after.start_s - before.end_s <= pause_s for before, after in pairs)


def test_files_there_and_back(tmp_path: Path) -> None:
    made = sentences(words("Ünö “two”. Three & <four>"))
    write_segments(tmp_path / "transcript.json", made)
    assert read_segments(tmp_path / "transcript.json") == made
    write_segments(tmp_path / "transcript.json", [])
    assert read_segments(tmp_path / "transcript.json") == []


def test_a_segment_needs_words() -> None:
    with pytest.raises(ValueError, match="at least one word"):
        Segment.of(())


SAID = [
    Segment(0.0, 1.5, "Tom & <i>Jerry</i> --> home", ()),
    Segment(59.9996, 3661.25, "Später", ()),
    Segment(360000.0, 360000.001, "in 100 hours", ()),
]


def test_subrip() -> None:
    assert srt(SAID) == (
        "1\n00:00:00,000 --> 00:00:01,500\nTom & ‹i›Jerry‹/i› --› home\n"
        "\n2\n00:01:00,000 --> 01:01:01,250\nSpäter\n"
        "\n3\n100:00:00,000 --> 100:00:00,001\nin 100 hours\n"
    )
    assert srt([]) == ""


def test_webvtt() -> None:
    assert vtt(SAID) == (
        "WEBVTT\n"
        "\n00:00:00.000 --> 00:00:01.500\nTom &amp; &lt;i&gt;Jerry&lt;/i&gt; --&gt; home\n"
        "\n00:01:00.000 --> 01:01:01.250\nSpäter\n"
        "\n100:00:00.000 --> 100:00:00.001\nin 100 hours\n"
    )


def test_long_sentences_are_parted_at_their_words() -> None:
    words = tuple(Word(n * 0.5, n * 0.5 + 0.4, f"word{n:02}") for n in range(40))
    made = list(cues([Segment.of(words)]))
    assert all(len(line) <= 42 for cue in made for line in cue.lines)
    assert all(len(cue.lines) <= 2 and cue.end_s - cue.start_s <= 7 for cue in made)
    assert " ".join(line for cue in made for line in cue.lines) == " ".join(word.text for word in words)
    assert [cue.start_s for cue in made] == sorted(word.start_s for word in words if any(
        cue.lines[0].startswith(word.text) for cue in made))  # fmt: skip
