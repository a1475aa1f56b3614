"""A row: what was measured, beside what was to be reached. The same words in the terminal, the JSON and the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

__all__ = ["Figure", "Row", "Spread", "spread", "text"]


@dataclass(frozen=True)
class Figure:
    """One number of a row and the most that it may be; `exact` ones are counts, the same in each run."""

    name: str
    value: float
    most: float
    exact: bool = False

    @property
    def share(self) -> float:
        """How much of what is allowed was used; over 1 the figure is missed."""
        if self.most:
            return self.value / self.most
        return 2.0 if self.value else 0.0

    @property
    def met(self) -> bool:
        return self.value <= self.most


@dataclass(frozen=True)
class Row:
    """A row of the table. `beside` says what the others took, and how the rounds spread."""

    name: str
    what: str
    figures: tuple[Figure, ...]
    beside: str = ""

    @property
    def met(self) -> bool:
        return all(figure.met for figure in self.figures)


@dataclass(frozen=True)
class Spread:
    """Rounds: their median, least and most."""

    rounds: tuple[float, ...] = field(repr=False)

    @property
    def middle(self) -> float:
        return median(self.rounds)

    def __str__(self) -> str:
        return f"{self.middle:.2f} ({min(self.rounds):.2f} to {max(self.rounds):.2f})"


def spread(rounds: Sequence[float]) -> Spread:
    return Spread(tuple(rounds))


def text(rows: Sequence[Row]) -> str:
    """The table: a line for each figure, and under a row what stood beside it."""
    lines = []
    for row in rows:
        lines.append(f"{row.name}: {row.what}")
        for figure in row.figures:
            verdict = "reached" if figure.met else f"MISSED by {figure.value - figure.most:,.3g}"
            lines.append(f"    {figure.name:<42} {figure.value:>9,.4g}   of at most {figure.most:>7,.4g}   {verdict}")
        if row.beside:
            lines.append(f"    {row.beside}")
    return "\n".join(lines)
