"""Notices a model that goes in circles: the same call with the same result, with nothing new between. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = ["MOST", "Repeats"]

# So often the same, and it will not be another the next time.
MOST = 3


@dataclass
class Repeats:
    """`see` each turn's calls with their results; any that is new starts the count anew."""

    _known: set[tuple[str, str, str]] = field(default_factory=set)
    _count: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def see(self, made: Iterable[tuple[str, str, str]]) -> bool:
        """Whether one of these calls (name, arguments, result) has come too often."""
        turn = list(made)
        if not self._known.issuperset(turn):
            self._count.clear()
        self._known.update(turn)
        self._count.update(set(turn))
        return any(self._count[call] >= MOST for call in turn)
