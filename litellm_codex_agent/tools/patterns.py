"""A stranger's regular expression, run only where it is known to end soon. Pure.

Law: Python's engine tries each way in which a text can be cut into the pieces of a pattern. These ways are counted on
the tree that the engine itself reads out of the pattern, so that nothing is read otherwise here than there; a piece
that is not known here, and a pattern that may take longer, is not tried.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from importlib import import_module
from math import log2
from typing import Any, NamedTuple

__all__ = ["MOST_STEPS", "TooCostly", "matches", "steps"]

# A tenth of a second or less, with 3 to 10 ns for a step.
MOST_STEPS = 10_000_000
_REMEMBERED = 256
# To compile takes 5 microseconds a letter, and people write fewer.
_MOST_LETTERS = 4096
# A round of a repeated group takes as long as so many steps.
_ROUND = 8
# Over it a number stands for no time that anybody would wait; under it a float is as good as exact.
_ENDLESS = float("inf")
# As a power of two.
_MOST_WAYS = 60
_PARSER: Any = import_module("re._parser" if sys.version_info >= (3, 11) else "sre_parse")


class TooCostly(ValueError):
    """The pattern, with a text of this length, may take for ever; or it is none."""


class _Cost(NamedTuple):
    """Of a piece at one place in a text: the most `work`, how many `ways` it can fit, and whether it fits nothing."""

    work: float
    ways: float = 1.0
    empty: bool = False


_UNKNOWN = _Cost(_ENDLESS, _ENDLESS, empty=True)


def matches(pattern: str, text: str) -> bool:
    """Whether it is found anywhere in `text`, as JSON Schema has it. Raises `TooCostly`."""
    try:
        if _steps(pattern, len(text)) > MOST_STEPS:
            raise TooCostly(f"the pattern {pattern!r:.80} may take too long")
        return re.search(pattern, text) is not None
    except (re.error, OverflowError, RecursionError) as error:
        raise TooCostly(f"the pattern {pattern!r:.80} is none: {error}") from error


def steps(pattern: str, length: int) -> float:
    """The most that a search in a text of so many letters can take; infinite where that is not known."""
    try:
        return _steps(pattern, length)
    except (re.error, OverflowError, RecursionError):
        return _ENDLESS


def _steps(pattern: str, length: int) -> float:
    if len(pattern) > _MOST_LETTERS:
        return _ENDLESS
    tree = _tree(pattern)
    # Flags that a pattern sets give its pieces another meaning, and JSON Schema's patterns have none.
    if tree.state.flags & ~re.UNICODE:
        return _ENDLESS
    whole = _row(tree, length)
    places = length + 1
    return whole.work + places * (_anchored(tree) or whole.work + 1)


@lru_cache(maxsize=_REMEMBERED)
def _tree(pattern: str) -> Any:
    return _PARSER.parse(pattern)


def _anchored(row: Iterable[tuple[Any, Any]]) -> float:
    """What it takes to see, at any other place, that it fits at the beginning of a text alone; 0 if it does not."""
    kind, given = next(iter(row), ("", None))
    return _anchors(str(kind), given)


def _anchors(kind: str, given: Any) -> float:
    if kind == "AT":
        return float(str(given) in ("AT_BEGINNING", "AT_BEGINNING_STRING"))
    if kind == "BRANCH":
        each = list(map(_anchored, given[1]))
        return sum(each) + len(each) if all(each) else 0.0
    inside = _anchored(given[3]) if kind == "SUBPATTERN" else 0.0
    return inside and inside + 2.0


def _row(row: Iterable[tuple[Any, Any]], length: int) -> _Cost:
    """One piece after the other: what follows a piece is tried for each of its ways."""
    work, ways, empty = 0.0, 1.0, True
    for kind, given in reversed(list(row)):
        cost = _KINDS.get(str(kind), _unknown)(given, length)
        # Of nothing there are not even endless ways.
        work = cost.work + (cost.ways * work if work else 0.0)
        ways *= cost.ways
        empty = empty and cost.empty
    return _Cost(work, ways, empty) if ways < 2.0**_MOST_WAYS else _UNKNOWN


def _unknown(_given: Any, _length: int) -> _Cost:
    return _UNKNOWN


def _letter(_given: Any, _length: int) -> _Cost:
    return _Cost(1.0)


def _class(given: Any, _length: int) -> _Cost:
    return _Cost(float(len(given)))


def _place(_given: Any, _length: int) -> _Cost:
    return _Cost(1.0, empty=True)


def _branch(given: Any, length: int) -> _Cost:
    costs = [_row(each, length) for each in given[1]]
    work, ways = sum(1.0 + each.work for each in costs), sum(each.ways for each in costs)
    return _Cost(work, ways, any(each.empty for each in costs))


def _group(given: Any, length: int) -> _Cost:
    _, on, off, inside = given
    cost = _row(inside, length)
    return _UNKNOWN if on or off else cost._replace(work=cost.work + 2.0)


def _atomic(given: Any, length: int) -> _Cost:
    return _row(given, length)


def _look(given: Any, length: int) -> _Cost:
    # What was seen is not looked at for another way.
    return _Cost(1.0 + _row(given[1], length).work, empty=True)


def _repeat(given: Any, length: int) -> _Cost:
    least, most, inside = given
    once = _row(inside, length)
    if most == 1:
        return _Cost(once.work + 1.0, once.ways + (least == 0), once.empty or least == 0)
    if once.empty:
        # How often nothing is repeated, each version of the engine decides for itself.
        return _UNKNOWN
    rounds = min(int(most), length)
    each = once.work + (0 if len(inside) == 1 and str(inside[0][0]) in _LETTERS else _ROUND)
    if once.ways <= 1:
        return _Cost(1.0 + (rounds + 1) * each, max(1.0, rounds - least + 1), least == 0)
    if rounds * log2(once.ways) > _MOST_WAYS:
        return _UNKNOWN
    # 1 + w + w^2 + ..., which is less than twice the last.
    ways = 2.0 * once.ways**rounds
    return _Cost(1.0 + ways * each, ways, least == 0)


_LETTERS = ("ANY", "IN", "LITERAL", "NOT_LITERAL")
_KINDS: Mapping[str, Callable[[Any, int], _Cost]] = {
    "ANY": _letter,
    "ASSERT": _look,
    "ASSERT_NOT": _look,
    "AT": _place,
    "ATOMIC_GROUP": _atomic,
    "BRANCH": _branch,
    "IN": _class,
    "LITERAL": _letter,
    "MAX_REPEAT": _repeat,
    "MIN_REPEAT": _repeat,
    "NOT_LITERAL": _letter,
    "POSSESSIVE_REPEAT": _repeat,
    "SUBPATTERN": _group,
}
