"""Compares what a run found with what a made video contains."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from tests.world.truth import SpokenSentence, VideoTruth

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_NUMBERS = {str(value): word for value, word in enumerate(_DIGITS)} | {
    "10": "ten",
    "11": "eleven",
    "12": "twelve",
    "20": "twenty",
    "30": "thirty",
    "40": "forty",
    "50": "fifty",
    "100": "hundred",
}


def normalised_words(text: str) -> list[str]:
    """The words of `text`: lower case, no punctuation, numbers as the world's words, others digit by digit."""
    words: list[str] = []
    for token in re.findall(r"[a-zäöüß]+|[0-9]+", text.lower().replace("'", "")):
        if token in _NUMBERS:
            words.append(_NUMBERS[token])
        elif token.isdigit():
            words.extend(_DIGITS[int(digit)] for digit in token)
        else:
            words.append(token)
    return words


def word_errors(reference: str, hypothesis: str) -> int:
    """The fewest words to insert, delete or replace that turn one text into the other."""
    wanted, got = normalised_words(reference), normalised_words(hypothesis)
    row = list(range(len(got) + 1))
    for i, word in enumerate(wanted, start=1):
        above, row[0] = row[0], i
        for j, other in enumerate(got, start=1):
            replaced = above + (word != other)
            above = row[j]
            row[j] = min(replaced, row[j] + 1, row[j - 1] + 1)
    return row[-1]


def word_error_rate(reference: str, hypothesis: str) -> float:
    """Word errors per word of the reference; above 1 where much is made up. Raises ValueError on an empty reference."""
    count = len(normalised_words(reference))
    if not count:
        raise ValueError("a reference without words has no word error rate")
    return word_errors(reference, hypothesis) / count


def starts_matched(
    sentences: Sequence[SpokenSentence], words: Iterable[tuple[str, float]], tolerance_s: float = 1.0
) -> float:
    """The fraction of sentences with one of their words heard within `tolerance_s` of their start.

    `words` are heard words with their start in seconds. Raises ValueError without sentences.
    """
    if not sentences:
        raise ValueError("no sentences to match")
    heard = [(word, start_s) for text, start_s in words for word in normalised_words(text)]
    matched = 0
    for sentence in sentences:
        own = set(normalised_words(sentence.text))
        matched += any(word in own and abs(start_s - sentence.start_s) <= tolerance_s for word, start_s in heard)
    return matched / len(sentences)


def hit_in_scene(time_s: float, caption: str, truth: VideoTruth) -> bool:
    """Whether a scene with this caption stands at `time_s`."""
    return any(scene.caption == caption and scene.start_s <= time_s < scene.end_s for scene in truth.scenes)
