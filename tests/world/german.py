"""The German sentences of the small world: its words, and one function per pattern."""

from __future__ import annotations

import random
from collections.abc import Callable


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(text.split(", "))


COLOURS = _words("rote blaue grüne gelbe schwarze weiße orange lila rosa braune")
SIZES = _words("kleine große winzige riesige")
#: Forms, animals and things, with their articles.
NOUNS = _phrases(
    "der kreis, das quadrat, das dreieck, der stern, das kreuz, das herz, der ring, der pfeil, die katze, der hund, "
    "das pferd, der vogel, der fisch, die kuh, das schaf, der löwe, der bär, die maus, das auto, der zug, das boot, "
    "das haus, der baum, der fluss, die stadt, die brücke, der garten, der tisch, das buch, die uhr"
)
NUMBERS = _words("null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf zwanzig hundert")
PLACES = _phrases(
    "im museum, in der küche, im büro, in der schule, auf dem markt, am bahnhof, am flughafen, am strand, im wald, "
    "im park"
)
TIMES = _phrases(
    "heute, morgen, gestern, am montag, am dienstag, am mittwoch, am donnerstag, am freitag, am samstag, am sonntag"
)
TOPICS = _words("wetter musik wissenschaft geschichte geld gesundheit energie wasser essen reisen sport sicherheit")
GLUE = _words(
    "ist hier und diese folie zeigt sprechen wir über zahl willkommen thema kapitel erklärt seite handelt von"
)


def make_german_sentence(rng: random.Random) -> str:
    """One sentence of a pattern drawn from all patterns: lower case, words and single spaces only."""
    return rng.choice(_PATTERNS)(rng)


def _object(rng: random.Random) -> str:
    article, noun = rng.choice(NOUNS).split()
    told = rng.choice(((), (rng.choice(COLOURS),), (rng.choice(SIZES),), (rng.choice(SIZES), rng.choice(COLOURS))))
    return " ".join((article, *told, noun))


def _where(rng: random.Random) -> str:
    return f"{_object(rng)} ist {rng.choice(PLACES)}"


def _here(rng: random.Random) -> str:
    return f"hier ist {_object(rng)} und {_object(rng)}"


def _slide(rng: random.Random) -> str:
    first, second = rng.sample(TOPICS, 2)
    return f"diese folie zeigt {first} und {second}"


def _talk(rng: random.Random) -> str:
    return f"{rng.choice(TIMES)} sprechen wir über {rng.choice(TOPICS)}"


def _number(rng: random.Random) -> str:
    return "die zahl ist " + " ".join(rng.choices(NUMBERS, k=3))


def _welcome(rng: random.Random) -> str:
    return f"willkommen {rng.choice(PLACES)} das thema ist {rng.choice(TOPICS)}"


def _chapter(rng: random.Random) -> str:
    return f"kapitel {rng.choice(NUMBERS)} erklärt {rng.choice(TOPICS)} {rng.choice(PLACES)}"


def _page(rng: random.Random) -> str:
    return f"seite {rng.choice(NUMBERS)} handelt von {rng.choice(TOPICS)} und {rng.choice(TOPICS)}"


_PATTERNS: tuple[Callable[[random.Random], str], ...] = (
    _where,
    _here,
    _slide,
    _talk,
    _number,
    _welcome,
    _chapter,
    _page,
)
VOCABULARY = tuple(
    dict.fromkeys(" ".join((*COLOURS, *SIZES, *NOUNS, *NUMBERS, *PLACES, *TIMES, *TOPICS, *GLUE)).split())
)
