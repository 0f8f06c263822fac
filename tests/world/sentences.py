"""The sentences of the small world: its words, and one function per pattern."""

from __future__ import annotations

import random
from collections.abc import Callable


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


COLOURS = _words("red blue green yellow black white orange purple pink brown")
SHAPES = _words("circle square triangle star cross heart ring arrow")
SIZES = _words("small large tiny huge")
NUMBERS = _words(
    "zero one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty hundred"
)
ANIMALS = _words("cat dog horse bird fish cow sheep lion tiger bear rabbit mouse")
THINGS = _words(
    "car train boat plane house tree river mountain city road bridge garden table chair book phone clock window"
    " door camera"
)
VERBS = _words("shows holds moves follows touches covers hides opens closes carries")
PLACES = _words("kitchen office school market station airport beach forest park museum")
TIMES = _words(
    "morning evening night today tomorrow yesterday monday tuesday wednesday thursday friday saturday sunday"
)
TOPICS = _words("weather music science history money health energy water food travel sports safety")
RELATIONS = _words("above below behind near inside beside")
GLUE = _words(
    "the a an is this slide about on and we talk page see in number please look at welcome to topic chapter explains"
)

_COUNTS = NUMBERS[2:]  # from two on


def plural(noun: str) -> str:
    """`noun` with an s, or nothing where that is no word of this world: only things have one, and city has none."""
    return f"{noun}s" if noun in THINGS and noun != "city" else ""


_PLURALS = tuple(filter(None, map(plural, THINGS)))


def with_article(words: str) -> str:
    """`words` behind "a", or behind "an" where they begin with a vowel."""
    return f"an {words}" if words[0] in "aeiou" else f"a {words}"


def make_sentence(rng: random.Random) -> str:
    """One sentence of a pattern drawn from all patterns: lower case, words and single spaces only."""
    return rng.choice(_PATTERNS)(rng)


def _object(rng: random.Random) -> str:
    """One of the world's six forms of what a sentence is about; an animal has no colour, a thing no size."""
    size, colour = rng.choice(SIZES), rng.choice(COLOURS)
    return rng.choice(
        (
            f"the {colour} {rng.choice(SHAPES)}",
            with_article(f"{size} {colour} {rng.choice(SHAPES)}"),
            f"the {rng.choice(ANIMALS)}",
            f"the {size} {rng.choice(ANIMALS)}",
            with_article(f"{colour} {rng.choice(THINGS)}"),
            f"{rng.choice(_COUNTS)} {colour} {rng.choice(_PLURALS)}",
        )
    )


def _relation(rng: random.Random) -> str:
    return f"{_object(rng)} is {rng.choice(RELATIONS)} {_object(rng)}"


def _action(rng: random.Random) -> str:
    return f"{_object(rng)} {rng.choice(VERBS)} {_object(rng)}"


def _slide(rng: random.Random) -> str:
    first, second = rng.sample(TOPICS, 2)
    return f"this slide is about {first} and {second}"


def _talk(rng: random.Random) -> str:
    return f"on {rng.choice(TIMES)} we talk about {rng.choice(TOPICS)}"


def _page(rng: random.Random) -> str:
    return f"page {rng.choice(NUMBERS)} {rng.choice(VERBS)} {_object(rng)}"


def _sight(rng: random.Random) -> str:
    return f"we see {_object(rng)} in the {rng.choice(PLACES)}"


def _number(rng: random.Random) -> str:
    return "the number is " + " ".join(rng.choices(NUMBERS, k=3))


def _look(rng: random.Random) -> str:
    return f"please look at {_object(rng)} in the {rng.choice(TIMES)}"


def _welcome(rng: random.Random) -> str:
    return f"welcome to the {rng.choice(PLACES)} the topic is {rng.choice(TOPICS)}"


def _chapter(rng: random.Random) -> str:
    return f"chapter {rng.choice(NUMBERS)} explains {rng.choice(TOPICS)} in the {rng.choice(PLACES)}"


_PATTERNS: tuple[Callable[[random.Random], str], ...] = (
    _relation,
    _action,
    _slide,
    _talk,
    _page,
    _sight,
    _number,
    _look,
    _welcome,
    _chapter,
)
