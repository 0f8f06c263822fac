"""The text layer of a page: letters to lines, with boxes and the way that they run. Only children import this."""

from __future__ import annotations

import ctypes
import math
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import median
from typing import Any, NamedTuple

import pypdfium2.raw as pdfium_c

from medley.media.layout import Box, Line
from medley.media.rules import Walls

_FINE = 64  # parts of a point in PDFium's whole device units
_BREAKS = ("\r", "\n")
_HYPHEN = "\x02"  # PDFium's word for a hyphen at the end of a line that no longer belongs to the word
_UNKNOWN = "\ufffd"
_LEAST_EM_PT = 4.0
#: Numbers and bullets, up to so many letters, keep the text that follows them.
_LABEL = 3
#: White between the letters of a word from which on they are set apart; what a space has more than that. In ems.
_TRACKED, _SPACE = 0.1, 0.15
#: Letters of one word stand nearer than this, in ems: no rule is looked for between them.
_GLUED = 0.1
#: So far apart, in ems, numbers are those of two columns.
_FIGURES = 0.6
_DOWNWARDS = 270
#: Letters of one pitch: how far their steps are from it, and how many of them.
_EVEN, _MOSTLY = 0.1, 0.7
#: Kinds of characters (Unicode) that no script is made of: controls, private use, unassigned.
_NO_SCRIPT = ("Cc", "Co", "Cn", "Cs")


class Letter(NamedTuple):
    """A character: its ink's box in the page's own coordinates, None for white space; its size; the way it runs."""

    text: str
    box: Box | None = None
    em: float = 0.0
    turn: int = 0  #: degrees, counter-clockwise: 0, 90, 180 or 270
    guessed: bool = False  #: white that is not in the file: PDFium puts it where letters stand apart


def to_shown(page: Any, box: Box) -> Box:
    """Converts a box of the page's own coordinates, from the bottom left, to the page as shown: turned and cropped."""
    width, height = page.get_size()
    corners = []
    for x, y in ((box[0], box[1]), (box[2], box[3])):
        at_x, at_y = ctypes.c_int(), ctypes.c_int()
        size = (round(width * _FINE), round(height * _FINE))
        pdfium_c.FPDF_PageToDevice(page, 0, 0, *size, 0, x, y, at_x, at_y)
        corners.append((at_x.value / _FINE, at_y.value / _FINE))
    (ax, ay), (bx, by) = corners
    return min(ax, bx), min(ay, by), max(ax, bx), max(ay, by)


def lines_of(page: Any, rules: Sequence[Box] = ()) -> list[Line]:
    """Joins text on one line without a wide gap, in PDFium's order; text outside of the shown page is left out.

    A line has pieces where parts of it stand apart: a number before its text, or with one of `rules` between them.
    """
    text = page.get_textpage()
    found: list[Line] = []
    walls = Walls(rules)
    run = _Run(walls)
    for letter in _letters(text):
        if letter.text in _BREAKS or run.ends_before(letter):
            found += run.line(page)
            run = _Run(walls)
        if letter.text not in _BREAKS:
            run.add(letter)
    found += run.line(page)
    text.close()
    width, height = page.get_size()
    return [line for line in found if _is_shown(line.box, width, height)]


def _is_shown(box: Box, width: float, height: float) -> bool:
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return 0 <= x <= width and 0 <= y <= height


def _letters(text: Any) -> Iterator[Letter]:
    """Each character; halves of letters beyond the first plane are joined."""
    half = 0
    for n in range(text.count_chars()):
        code = pdfium_c.FPDFText_GetUnicode(text, n)
        if 0xD800 <= code < 0xDC00:
            half = code
            continue
        if half and 0xDC00 <= code < 0xE000:
            code = 0x10000 + ((half - 0xD800) << 10) + code - 0xDC00
        half = 0
        if code not in (0xFFFE, 0xFFFF):
            yield _letter(text, n, _character(text, n, code))


def _character(text: Any, n: int, code: int) -> str:
    """Values that stand for no character are a sign of their own, controls are white space."""
    if code == ord(_HYPHEN) and pdfium_c.FPDFText_IsHyphen(text, n) == 1:
        return _HYPHEN
    if code > 0x10FFFF or 0xD800 <= code < 0xE000:
        return _UNKNOWN
    letter = chr(code)
    return " " if code < 0x20 and letter not in _BREAKS else letter


def _letter(text: Any, n: int, letter: str) -> Letter:
    if letter.isspace() or pdfium_c.FPDFText_IsGenerated(text, n):
        return Letter(letter, guessed=pdfium_c.FPDFText_IsGenerated(text, n) == 1)
    left, right, bottom, top = edges = [ctypes.c_double() for _ in range(4)]
    if not pdfium_c.FPDFText_GetCharBox(text, n, *edges):
        return Letter(letter)
    loose = pdfium_c.FS_RECTF()
    pdfium_c.FPDFText_GetLooseCharBox(text, n, loose)
    turn = round(-math.degrees(pdfium_c.FPDFText_GetCharAngle(text, n)) / 90) % 4 * 90  # PDFium's turns clockwise
    em = abs(loose.right - loose.left) if turn in (90, 270) else abs(loose.top - loose.bottom)
    return Letter(letter, (left.value, bottom.value, right.value, top.value), em, turn)


class _Run:
    """Letters of one line so far."""

    def __init__(self, walls: Walls) -> None:
        self._letters: list[Letter] = []
        self._walls = walls
        self._parted: list[int] = []  # before these letters
        self._last: Letter | None = None
        self._inked = 0
        self._em = _LEAST_EM_PT

    def add(self, letter: Letter) -> None:
        """Appends the next letter to the run."""
        if self._stands_apart(letter):
            self._parted.append(len(self._letters))
        self._letters.append(letter)
        if letter.box:
            self._last, self._inked = letter, self._inked + 1
            self._em = max(self._em, letter.em)

    def _stands_apart(self, letter: Letter) -> bool:
        last = self._last.box if self._last else None
        if last is None or letter.box is None:
            return False
        gap, em = _gap(last, letter.box, letter.turn), self._em
        figures = self._last is not None and _in_figures(self._last.text) and _in_figures(letter.text)
        return gap > (_FIGURES if figures else 1.0) * em or (
            gap > _GLUED * em and self._walls.are_between(last, letter.box, letter.turn)
        )

    def ends_before(self, letter: Letter) -> bool:
        """Tells whether a letter is too far from the last one to belong to the run, or runs another way."""
        if self._last is None or self._last.box is None or letter.box is None:
            return False
        if letter.turn != self._last.turn:
            return True
        if self._inked <= _LABEL:
            return False
        box, last = letter.box, self._last.box
        if letter.turn in (90, 270):
            return max(box[1] - last[3], last[1] - box[3]) > self._em
        return box[0] - last[2] > self._em or last[0] - box[2] > 20.0 * self._em

    def line(self, page: Any) -> list[Line]:
        """Builds the line that the letters make; an empty list where the letters have no ink."""
        whole = self._line(page, self._letters)
        if not whole or not self._parted:
            return whole
        edges = pairwise([0, *self._parted, len(self._letters)])
        pieces = [piece for begin, end in edges for piece in self._line(page, self._letters[begin:end])]
        return [replace(whole[0], pieces=tuple(pieces))] if len(pieces) > 1 else whole

    def _line(self, page: Any, run: list[Letter]) -> list[Line]:
        letters = _read_right(_without_tracking(run))
        text = " ".join("".join(letter.text for letter in letters).split())
        hyphen = text.endswith(_HYPHEN)
        text = text.replace(_HYPHEN, "")
        boxes = [letter.box for letter in letters if letter.box]
        if not boxes or not text or self._last is None:
            return []
        x0, y0, x1, y1 = zip(*boxes, strict=True)
        shown = to_shown(page, (min(x0), min(y0), max(x1), max(y1)))
        turn = _DOWNWARDS if _goes_down([letter for letter in letters if letter.box]) else self._last.turn
        return [Line(text, shown, hyphen, (turn - page.get_rotation()) % 360)]


def _in_figures(letter: str) -> bool:
    return letter.isdecimal() or letter in "()%$€£*–—-+."


def _gap(last: Box, box: Box, turn: int) -> float:
    """Measures the white between two letters that follow each other on a line, either way."""
    along = 1 if turn in (90, 270) else 0
    return max(box[along] - last[along + 2], last[along] - box[along + 2])


def _goes_down(inked: list[Letter]) -> bool:
    """Whether upright letters stand below each other: as Japanese and Chinese are set, line by line to the left."""
    below = sum(_is_below(one, other) for one, other in pairwise(inked))
    return len(inked) > 1 and below > _MOSTLY * (len(inked) - 1)


def _is_below(one: Letter, other: Letter) -> bool:
    assert one.box
    assert other.box
    aside = abs(one.box[0] + one.box[2] - other.box[0] - other.box[2]) / 2
    lower = (one.box[1] + one.box[3] - other.box[1] - other.box[3]) / 2
    return not one.turn and not other.turn and aside < lower and lower > 0.5 * one.em


def _without_tracking(letters: list[Letter]) -> list[Letter]:
    """Where all letters of a line stand apart, PDFium takes some of the gaps for spaces: those are none of its own."""
    inked = [letter for letter in letters if letter.box and not letter.turn]
    if len(inked) <= _LABEL or not any(letter.guessed for letter in letters):
        return letters
    far = iter([True, *_are_far(inked), True])
    kept: list[Letter] = []
    before = next(far)
    for letter in letters:
        if letter.box and not letter.turn:
            before = next(far)
        if not letter.guessed or before:
            kept.append(letter)
    return kept


def _are_far(inked: list[Letter]) -> list[bool]:
    """Whether there is a space between each letter and the next one."""
    pairs = [(one.box, other.box, max(one.em, _LEAST_EM_PT)) for one, other in pairwise(inked) if one.box and other.box]
    words = [one.text.isalnum() and other.text.isalnum() for one, other in pairwise(inked)]
    gaps = [(other[0] - one[2]) / em for one, other, em in pairs]
    steps = [(other[0] + other[2] - one[0] - one[2]) / 2 for one, other, _ in pairs]
    usual = median([gap for gap, word in zip(gaps, words, strict=True) if word] or [0.0])
    pitch = median([step for step, word in zip(steps, words, strict=True) if word] or [0.0])
    if sum(abs(step - pitch) < _EVEN * pitch for step in steps) > _MOSTLY * len(steps):  # a typewriter's
        return [step > 1.5 * pitch for step in steps]
    return [usual < _TRACKED or gap >= usual + _SPACE for gap in gaps]


def _read_right(letters: list[Letter]) -> list[Letter]:
    """In the order in which they are read: PDFium turns some words of right-to-left scripts round, and some lines."""
    inked = [letter for letter in letters if letter.box]
    if len(inked) > 1 and all(letter.turn == 180 for letter in inked) and _rises(inked):
        return letters[::-1]
    made: list[Letter] = []
    word: list[Letter] = []
    for letter in letters:
        if unicodedata.bidirectional(letter.text[:1] or " ") in ("R", "AL"):
            word.append(letter)
        else:
            made += [*_logical(word), letter]
            word = []
    return made + _logical(word)


def _logical(word: list[Letter]) -> list[Letter]:
    return word[::-1] if len(word) > 1 and _rises([letter for letter in word if letter.box]) else word


def _rises(letters: list[Letter]) -> bool:
    """Whether most of them stand to the right of the one before."""
    places = [letter.box[0] for letter in letters if letter.box]
    return sum(after > before for before, after in pairwise(places)) > (len(places) - 1) / 2


def readable(text: str) -> tuple[int, int]:
    """Counts the characters of a script, and the characters of none: a damaged font maps letters to anything."""
    seen = [letter for letter in text if not letter.isspace()]
    broken = sum(letter == _UNKNOWN or unicodedata.category(letter) in _NO_SCRIPT for letter in seen)
    return sum(letter.isalnum() for letter in seen), broken
