"""What the training voices say: the world's sentences, and looser ones so that no word hangs on its neighbours."""

from __future__ import annotations

import random

from tests.world import german
from tests.world.german import make_german_sentence
from tests.world.sentences import (
    ANIMALS,
    COLOURS,
    GLUE,
    NUMBERS,
    PLACES,
    RELATIONS,
    SHAPES,
    SIZES,
    THINGS,
    TIMES,
    TOPICS,
    VERBS,
    make_sentence,
    plural,
    with_article,
)

VOCABULARY: tuple[str, ...] = (
    *(*COLOURS, *SHAPES, *SIZES, *NUMBERS, *ANIMALS, *THINGS, *VERBS, *PLACES, *TIMES, *TOPICS, *RELATIONS, *GLUE),
    *(plural(noun) for noun in THINGS if plural(noun)),
)


def training_text(rng: random.Random) -> str:
    """Seven of ten are the world's own sentences, two have freer objects, one is a row of any of its words."""
    kind = rng.random()
    if kind < 0.7:
        return make_sentence(rng)
    if kind < 0.9:
        return _loose_sentence(rng)
    return " ".join(rng.choices(VOCABULARY, k=rng.randint(2, 8)))


def german_text(rng: random.Random) -> str:
    """Eight of ten are the world's own sentences, two are a row of any of its words."""
    if rng.random() < 0.8:
        return make_german_sentence(rng)
    return " ".join(rng.choices(german.VOCABULARY, k=rng.randint(2, 8)))


def _loose_object(rng: random.Random) -> str:
    noun = rng.choice(rng.choice((SHAPES, ANIMALS, THINGS)))
    size = rng.choice(SIZES) if rng.random() < 0.4 else ""
    colour = rng.choice(COLOURS) if rng.random() < 0.5 else ""
    kind = rng.choice(("the", "a", "number"))
    if kind == "number":
        noun = plural(noun) or noun
    words = " ".join(word for word in (size, colour, noun) if word)
    if kind == "number":
        return f"{rng.choice(NUMBERS)} {words}"
    return f"the {words}" if kind == "the" else with_article(words)


def _loose_sentence(rng: random.Random) -> str:
    return rng.choice(
        (
            f"{_loose_object(rng)} is {rng.choice(RELATIONS)} {_loose_object(rng)}",
            f"{_loose_object(rng)} {rng.choice(VERBS)} {_loose_object(rng)}",
            f"we see {_loose_object(rng)} {rng.choice(RELATIONS)} the {rng.choice(PLACES)}",
            f"please look at {_loose_object(rng)}",
            f"page {rng.choice(NUMBERS)} is about {rng.choice(TOPICS)} and {_loose_object(rng)}",
            f"{rng.choice(TIMES)} we talk about {rng.choice(TOPICS)} in the {rng.choice(PLACES)}",
        )
    )
