"""Which lines two texts do not share, in time that no text can stretch.

Patience diff: the lines that stand once in either text are anchors, and what lies between two of them is compared in
its turn. Where there are no anchors the whole range is told as changed: longer than the shortest diff, and as true.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import NamedTuple

__all__ = ["Span", "changed"]

# Each round reads every line at most once; lines that still have no anchor of their own are told as changed.
ROUNDS = 12


class Span(NamedTuple):
    """Lines `a0` to `a1` of the one text, and `b0` to `b1` of the other."""

    a0: int
    a1: int
    b0: int
    b1: int


def changed(a: Sequence[bytes], b: Sequence[bytes]) -> list[Span]:
    """The ranges that differ, in order, with a line that both share between any two of them."""
    return list(_differing(a, b, Span(0, len(a), 0, len(b)), ROUNDS))


def _differing(a: Sequence[bytes], b: Sequence[bytes], span: Span, rounds: int) -> Iterator[Span]:
    span = _trimmed(a, b, span)
    if span.a0 == span.a1 and span.b0 == span.b1:
        return
    anchors = _anchors(a, b, span) if rounds else []
    if not anchors:
        yield span
        return
    at_a, at_b = span.a0, span.b0
    for i, j in (*anchors, (span.a1, span.b1)):
        yield from _differing(a, b, Span(at_a, i, at_b, j), rounds - 1)
        at_a, at_b = i + 1, j + 1


def _trimmed(a: Sequence[bytes], b: Sequence[bytes], span: Span) -> Span:
    a0, a1, b0, b1 = span
    while a0 < a1 and b0 < b1 and a[a0] == b[b0]:
        a0, b0 = a0 + 1, b0 + 1
    while a0 < a1 and b0 < b1 and a[a1 - 1] == b[b1 - 1]:
        a1, b1 = a1 - 1, b1 - 1
    return Span(a0, a1, b0, b1)


def _anchors(a: Sequence[bytes], b: Sequence[bytes], span: Span) -> list[tuple[int, int]]:
    """The longest row of lines that stand once in either range, in the same order in both."""
    in_a, in_b = _once(a, span.a0, span.a1), _once(b, span.b0, span.b1)
    pairs = [(in_a[line], j) for line, j in in_b.items() if line in in_a]
    ends: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for number, (i, _) in enumerate(pairs):
        length = bisect_left(ends, i)
        before.append(last[length - 1] if length else -1)
        if length == len(ends):
            ends.append(i)
            last.append(number)
        else:
            ends[length], last[length] = i, number
    row: list[tuple[int, int]] = []
    at = last[-1] if last else -1
    while at >= 0:
        row.append(pairs[at])
        at = before[at]
    return row[::-1]


def _once(lines: Sequence[bytes], begin: int, end: int) -> dict[bytes, int]:
    """Where each line stands that stands once, in order."""
    found: dict[bytes, int] = {}
    for at in range(begin, end):
        found[lines[at]] = -1 if lines[at] in found else at
    return {line: at for line, at in found.items() if at >= 0}
