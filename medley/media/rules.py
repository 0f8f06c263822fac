"""Rules on a page, and the grids that they make."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from medley.media.layout import Box

_SNAP_PT, _GAP_PT = 2.0, 3.0  # rules that close are one; that far from each other they still meet
_TOUCH_PT = 1.0  # letters may reach into a rule
_OPEN_PT = 8.0  # that a rule goes on beyond the last one across: the table has no edge there
_MOST_CELLS = 10_000
_COVERED = 0.5  # of a cell's edge has a rule


@dataclass(frozen=True, slots=True)
class Rule:
    """A straight line from `begin` to `end` at `at`: across the page or down it, in points from the top left."""

    at: float
    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class Rules:
    """Those of a page: across it (`at` is from the top) and down it (`at` is from the left)."""

    across: tuple[Rule, ...] = ()
    down: tuple[Rule, ...] = ()


class Walls:
    """Rules that stand between letters of a line; boxes and rules in any coordinates, a rule as a box without width."""

    def __init__(self, rules: Sequence[Box]) -> None:
        self._crossing = tuple(
            sorted((rule for rule in rules if rule[along] == rule[along + 2]), key=itemgetter(along))
            for along in (0, 1)
        )  # lines along the page, and along its height
        self._places = tuple([rule[along] for rule in self._crossing[along]] for along in (0, 1))

    def are_between(self, last: Box, box: Box, turn: int) -> bool:
        """Says whether a rule stands across the line between two letters that follow each other."""
        along = 1 if turn in (90, 270) else 0
        begin, end = min(last[along + 2], box[along + 2]), max(last[along], box[along])
        near = slice(
            bisect_left(self._places[along], begin - _TOUCH_PT), bisect_right(self._places[along], end + _TOUCH_PT)
        )
        aside = (box[1 - along] + box[3 - along]) / 2
        return any(rule[1 - along] <= aside <= rule[3 - along] for rule in self._crossing[along][near])


@dataclass(slots=True)
class Grid:
    """Rules that meet: edges of its rows and columns, and which of its squares are one cell."""

    xs: list[float]
    ys: list[float]
    owners: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)

    @property
    def cells(self) -> int:
        """Counts the cells."""
        return len(set(self.owners.values()))

    def holds(self, box: Box) -> bool:
        """Says whether the middle of a box is in it."""
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        return self.xs[0] <= x <= self.xs[-1] and self.ys[0] <= y <= self.ys[-1]

    def cell_at(self, box: Box) -> tuple[int, int]:
        """Returns row and column, from 0, of the cell in which the middle of a box is; of a wide one, its first."""
        column = bisect_right(self.xs, (box[0] + box[2]) / 2) - 1
        row = bisect_right(self.ys, (box[1] + box[3]) / 2) - 1
        return self.owners[min(max(row, 0), len(self.ys) - 2), min(max(column, 0), len(self.xs) - 2)]


def grids_of(rules: Rules) -> list[Grid]:
    """Finds the grids of two rows and columns or more that the rules of a page make, from the top."""
    across, down = _joined(rules.across), _joined(rules.down)
    found = (_grid(*group) for group in _groups(across, down))
    return sorted((grid for grid in found if grid), key=lambda grid: (grid.ys[0], grid.xs[0]))


def _joined(rules: Sequence[Rule]) -> list[Rule]:
    """Rules at about one place that meet or overlap are one."""
    lines: list[list[Rule]] = []
    for rule in sorted(rules, key=lambda rule: rule.at):
        if lines and rule.at - lines[-1][0].at <= _SNAP_PT:
            lines[-1].append(rule)
        else:
            lines.append([rule])
    joined: list[Rule] = []
    for line in lines:
        at = sum(rule.at for rule in line) / len(line)
        begin, end = None, 0.0
        for rule in sorted(line, key=lambda rule: rule.begin):
            if begin is not None and rule.begin > end + _GAP_PT:
                joined.append(Rule(at, begin, end))
                begin = None
            begin, end = (rule.begin, rule.end) if begin is None else (begin, max(end, rule.end))
        if begin is not None:
            joined.append(Rule(at, begin, end))
    return joined


def _meet(across: Rule, down: Rule) -> bool:
    return (
        across.begin - _GAP_PT <= down.at <= across.end + _GAP_PT
        and down.begin - _GAP_PT <= across.at <= down.end + _GAP_PT
    )


def _groups(across: list[Rule], down: list[Rule]) -> list[tuple[list[Rule], list[Rule]]]:
    """Rules that meet each other, directly or by others."""
    left, groups = set(range(len(down))), []
    for first in range(len(down)):
        if first not in left:
            continue
        left.discard(first)
        mine, rows, todo = [down[first]], dict[int, Rule](), [down[first]]
        while todo:
            one = todo.pop()
            new = {n: rule for n, rule in enumerate(across) if n not in rows and _meet(rule, one)}
            rows |= new
            more = [n for n in left if any(_meet(rule, down[n]) for rule in new.values())]
            left -= set(more)
            mine += [down[n] for n in more]
            todo += [down[n] for n in more]
        groups.append((list(rows.values()), mine))
    return groups


def _grid(across: list[Rule], down: list[Rule]) -> Grid | None:
    if not across:
        return None
    xs = _edges([rule.at for rule in down], across)
    ys = _edges([rule.at for rule in across], down)
    if min(len(xs), len(ys)) < 3 or len(xs) * len(ys) > _MOST_CELLS:
        return None
    grid = Grid(xs, ys)
    walls = {x: [rule for rule in down if abs(rule.at - x) <= _SNAP_PT] for x in xs}
    floors = {y: [rule for rule in across if abs(rule.at - y) <= _SNAP_PT] for y in ys}
    squares = {(row, column): (row, column) for row in range(len(ys) - 1) for column in range(len(xs) - 1)}
    for row, column in squares:  # the first square of a cell is its owner
        if column and not _covered(walls[xs[column]], ys[row], ys[row + 1]):
            _merge(squares, (row, column - 1), (row, column))
        if row and not _covered(floors[ys[row]], xs[column], xs[column + 1]):
            _merge(squares, (row - 1, column), (row, column))
    grid.owners = {square: _owner(squares, square) for square in squares}
    return grid


def _edges(places: Sequence[float], crossing: Sequence[Rule]) -> list[float]:
    """Where cells begin and end: at rules, and where the rules across go on beyond the outermost one."""
    edges = sorted(set(places))
    begin, end = min(rule.begin for rule in crossing), max(rule.end for rule in crossing)
    before = [begin] if edges[0] - begin > _OPEN_PT else []
    after = [end] if end - edges[-1] > _OPEN_PT else []
    found: list[float] = []
    for edge in [*before, *edges, *after]:
        if not found or edge - found[-1] > _SNAP_PT:
            found.append(edge)
    return found


def _covered(rules: Sequence[Rule], begin: float, end: float) -> bool:
    shared = sum(max(0.0, min(rule.end, end) - max(rule.begin, begin)) for rule in rules)
    return shared >= _COVERED * (end - begin)


def _owner(squares: dict[tuple[int, int], tuple[int, int]], square: tuple[int, int]) -> tuple[int, int]:
    while squares[square] != square:
        square = squares[square]
    return square


def _merge(squares: dict[tuple[int, int], tuple[int, int]], one: tuple[int, int], other: tuple[int, int]) -> None:
    first, second = sorted((_owner(squares, one), _owner(squares, other)))
    squares[second] = first
