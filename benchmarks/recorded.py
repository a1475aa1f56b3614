"""The counts that were reached, kept beside the code: a rise of more than a tenth is an error, a fall is news."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from .table import Figure, Row

__all__ = ["compare", "record"]

FILE = Path(__file__).with_name("recorded.json")
# What a new LiteLLM or aiohttp may bring without it being ours.
RISE = 0.1


def record(rows: Iterable[Row]) -> None:
    """Keep the counts of `rows` as what was reached."""
    FILE.write_text(
        json.dumps(_kept() | {name: figure.value for name, figure in _exact(rows).items()}, indent=2) + "\n"
    )


def compare(rows: Iterable[Row]) -> list[str]:
    """A sentence for each count that rose by more than a tenth."""
    kept = _kept()
    return [
        f"{name} rose from {kept[name]:g} to {figure.value:g}, by more than a tenth."
        for name, figure in _exact(rows).items()
        if name in kept and figure.value > kept[name] + _allowed(kept[name], figure)
    ]


def _allowed(kept: float, figure: Figure) -> float:
    # Below zero, where we take less than the handler that does nothing, a tenth of it says nothing.
    return RISE * (kept if kept > 0 else figure.most)


def _kept() -> dict[str, float]:
    return json.loads(FILE.read_text()) if FILE.exists() else {}


def _exact(rows: Iterable[Row]) -> dict[str, Figure]:
    return {f"{row.name}: {figure.name}": figure for row in rows for figure in row.figures if figure.exact}
