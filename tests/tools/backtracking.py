"""A matcher that backtracks as Python's does, and counts: the measure for what is said of a pattern beforehand.

It tries all the ways in which a pattern can fit, as the engine does where what follows never fits.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

_PARSER: Any = import_module("re._parser" if sys.version_info >= (3, 11) else "sre_parse")


class Unknown(Exception):
    """A piece of a pattern that this matcher does not know."""


class Measured:
    """A search through `text` for all that fits: how often a piece was tried, and whether anything fits."""

    def __init__(self, pattern: str, text: str, patience: int) -> None:
        self.text, self.taken, self.patience = text, 0, patience
        row = list(_PARSER.parse(pattern))
        self.found = sum(len(list(self._row(row, at))) for at in range(len(text) + 1)) > 0

    def _row(self, row: list[Any], at: int) -> Iterator[int]:
        if not row:
            yield at
            return
        for end in self._piece(str(row[0][0]), row[0][1], at):
            yield from self._row(row[1:], end)

    def _piece(self, kind: str, given: Any, at: int) -> Iterator[int]:
        self.taken += 1
        if self.taken > self.patience:
            raise TimeoutError
        if kind in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            yield from self._repeat(given, at, 0)
        elif kind in ("ASSERT", "ASSERT_NOT"):
            yield from self._look(kind, given, at)
        elif kind in ("SUBPATTERN", "ATOMIC_GROUP"):
            yield from self._row(list(given[3] if kind == "SUBPATTERN" else given), at)
        elif kind == "BRANCH":
            for each in given[1]:
                yield from self._row(list(each), at)
        elif kind == "AT":
            yield from [at] * (at == 0 if "BEGINNING" in str(given) else at == len(self.text))
        else:
            yield from [at + 1] * self._fits(kind, given, self.text[at : at + 1])

    def _repeat(self, given: Any, at: int, done: int) -> Iterator[int]:
        least, most, inside = given
        if done >= least:
            yield at
        if done < most:
            for end in self._row(list(inside), at):
                # As the engine, which does not repeat what takes nothing.
                if end > at or done < least:
                    yield from self._repeat(given, end, done + 1)

    def _look(self, kind: str, given: Any, at: int) -> Iterator[int]:
        direction, inside = given
        begin = at if direction > 0 else at - inside.getwidth()[0]
        seen = begin >= 0 and any(True for _ in self._row(list(inside), begin))
        yield from [at] * (seen == (kind == "ASSERT"))

    def _fits(self, kind: str, given: Any, letter: str) -> bool:
        if kind == "IN":
            return bool(letter) and self._among(given, letter)
        if kind not in ("ANY", "LITERAL", "NOT_LITERAL"):
            raise Unknown(kind)
        return bool(letter) and (kind == "ANY" or (ord(letter) == given) == (kind == "LITERAL"))

    def _among(self, given: Any, letter: str) -> bool:
        inside = False
        for kind, value in given:
            if str(kind) not in ("LITERAL", "NEGATE", "RANGE"):
                raise Unknown(kind)
            among = range(value[0], value[1] + 1) if str(kind) == "RANGE" else (value,)
            inside = inside or ord(letter) in among
        return inside != (str(given[0][0]) == "NEGATE")


def found(pattern: str, text: str) -> bool:
    """What Python's own engine says."""
    return re.search(pattern, text) is not None
