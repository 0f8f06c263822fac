"""Files that look alike or say the same, though their bytes differ: scaled, encoded anew, cut a little."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

import numpy as np
from PIL import Image

from medley.artifacts import ArtifactStore
from medley.records import load_rows, store_slot
from medley.search.scores import words_of
from medley.types import Row
from medley.upkeep import vectors_key

_SIDE = 16  # a picture is known by whether each of 16 x 16 places is brighter than the one to its left
_BITS = _SIDE * _SIDE
_BANDS = 16
#: Two pictures that differ in fewer bits than there are bands have a band in common: none is missed.
_NEAR_BITS = _BANDS - 1
_PLAIN_LEVELS = 6.0  # between the darkest and brightest parts: such a picture says nothing
_NOISE_LEVELS = 2  # of an even ground, by compression
_COLOUR_LEVELS = 16.0
_WORDS = 5  # in a row
_COMMON = 100  # files with the same words in a row: a boilerplate
_FEWEST = 3  # pictures of a video, or runs of words, from which on files can be compared

#: Bits of a picture, and its mean colours in 4 x 4 places.
_Look = tuple[int, "np.ndarray[tuple[int, ...], np.dtype[np.float32]]"]


@dataclass(slots=True)
class _Known:
    """What is known of a file."""

    looks: list[_Look] = field(default_factory=list)
    moves: bool = False  #: its pictures are those of a video
    words: set[tuple[str, ...]] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Alike:
    """Two assets, and which part of them looks alike and says the same, 0 to 1."""

    one: str
    other: str
    looks: float
    says: float

    @property
    def score(self) -> float:
        """The larger of the two parts."""
        return max(self.looks, self.says)


def alike(artifacts: ArtifactStore, store_key: str, least: float, among: Iterable[str] | None = None) -> list[Alike]:
    """Finds pairs of assets that are alike in at least the part `least` of them, the most alike first.

    `among`: only these assets. Pictures of one asset are not compared with each other.
    """
    ids = sorted(artifacts.assets() if among is None else among)
    known = {asset_id: _known(asset_id, artifacts, store_key) for asset_id in ids}
    looks, says = _looking_alike(known), _saying_the_same(known)
    pairs = (Alike(*pair, looks.get(pair, 0.0), says.get(pair, 0.0)) for pair in looks.keys() | says.keys())
    return sorted((pair for pair in pairs if pair.score >= least), key=lambda pair: (-pair.score, pair.one, pair.other))


def groups_of(pairs: Sequence[Alike]) -> list[list[str]]:
    """Joins pairs that share an asset to groups, in the order of their best pairs."""
    group_of: dict[str, list[str]] = {}
    for pair in pairs:
        one, other = group_of.setdefault(pair.one, [pair.one]), group_of.setdefault(pair.other, [pair.other])
        if one is not other:
            one += other
            group_of |= dict.fromkeys(other, one)
    return list({id(group): group for group in group_of.values()}.values())


def _known(asset_id: str, artifacts: ArtifactStore, store_key: str) -> _Known:
    found = _Known()
    for row in _rows(asset_id, artifacts, store_key):
        if row.modality in ("image", "frame") and row.thumbnail:
            with artifacts.hold_file(row.thumbnail) as path:
                found.looks += [look] if (look := _look(path)) else []
            found.moves |= row.modality == "frame"
        elif row.modality in ("speech", "page", "ocr"):
            words = words_of(row.text)
            found.words |= {tuple(words[at : at + _WORDS]) for at in range(len(words) - _WORDS + 1)}
    return found


def _rows(asset_id: str, artifacts: ArtifactStore, store_key: str) -> Iterator[Row]:
    """The rows of all records of an asset, without their vectors."""
    slot = store_slot(store_key)
    for stage in artifacts.stages(asset_id, slot):
        manifest = artifacts.find(asset_id, stage, slot)
        key = vectors_key(manifest) if manifest else None
        if key is not None and artifacts.find(*key) is not None:
            with artifacts.hold([key]) as [made]:
                yield from load_rows(made / "rows.json")


def _look(path: Path) -> _Look | None:
    """None of a picture on which nothing is, or that is gone."""
    try:
        with Image.open(path, formats=["JPEG"]) as picture:
            picture.draft("RGB", (8 * _SIDE, 8 * _SIDE))
            small = picture.convert("RGB")
    except OSError:
        return None
    grey = np.asarray(small.convert("L").resize((_SIDE + 1, _SIDE), Image.Resampling.BOX), np.int16)
    if np.ptp(grey) < _PLAIN_LEVELS:
        return None
    bits = np.packbits(grey[:, 1:] > grey[:, :-1] + _NOISE_LEVELS)
    colours = np.asarray(small.resize((4, 4), Image.Resampling.BOX), np.float32)
    return int.from_bytes(bits.tobytes(), "big"), colours


def _looking_alike(known: dict[str, _Known]) -> dict[tuple[str, str], float]:
    """The part of the pictures of two files that look alike, for files of one kind."""
    near: dict[tuple[str, str], tuple[set[int], set[int]]] = defaultdict(lambda: (set(), set()))
    for (one, first), (other, second) in _candidates(known):
        if (one, other) in near and first in near[one, other][0] and second in near[one, other][1]:
            continue
        if _are_near(known[one].looks[first], known[other].looks[second]):
            near[one, other][0].add(first)
            near[one, other][1].add(second)
    return {
        (one, other): min(len(first) / len(known[one].looks), len(second) / len(known[other].looks))
        for (one, other), (first, second) in near.items()
        if not known[one].moves or min(len(known[one].looks), len(known[other].looks)) >= _FEWEST
    }


def _candidates(known: dict[str, _Known]) -> Iterator[tuple[tuple[str, int], tuple[str, int]]]:
    """Pairs of pictures, each an asset and a number, that have a band of bits in common; those with more come again."""
    bands: dict[tuple[bool, int, int], list[tuple[str, int]]] = defaultdict(list)
    width = _BITS // _BANDS
    for asset_id, one in known.items():
        for number, (bits, _) in enumerate(one.looks):
            for band in range(_BANDS):
                bands[one.moves, band, bits >> (band * width) & ((1 << width) - 1)].append((asset_id, number))
    for together in bands.values():
        yield from ((one, other) for one, other in combinations(together, 2) if one[0] != other[0])


def _are_near(one: _Look, other: _Look) -> bool:
    if (one[0] ^ other[0]).bit_count() > _NEAR_BITS:
        return False
    return float(np.abs(one[1] - other[1]).max()) <= _COLOUR_LEVELS


def _saying_the_same(known: dict[str, _Known]) -> dict[tuple[str, str], float]:
    """The part of the runs of words that two files have in common."""
    holders: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for asset_id, one in known.items():
        for words in one.words:
            holders[words].append(asset_id)
    shared: Counter[tuple[str, str]] = Counter()
    for owners in holders.values():
        if 1 < len(owners) <= _COMMON:
            shared.update(combinations(sorted(owners), 2))
    sizes = {asset_id: len(one.words) for asset_id, one in known.items()}
    return {
        (one, other): count / max(sizes[one], sizes[other])
        for (one, other), count in shared.items()
        if min(sizes[one], sizes[other]) >= _FEWEST
    }
