"""The counts that were reached, kept beside the code: a rise of more than a tenth is an error, a fall is news."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from .table import Row

__all__ = ["compare", "record"]

FILE = Path(__file__).with_name("recorded.json")
# What a new LiteLLM or aiohttp may bring without it being ours.
RISE = 1.1


def record(rows: Iterable[Row]) -> None:
    """Keep the counts of `rows` as what was reached."""
    FILE.write_text(json.dumps({**_kept(), **_exact(rows)}, indent=2) + "\n")


def compare(rows: Iterable[Row]) -> list[str]:
    """A sentence for each count that rose by more than a tenth."""
    kept = _kept()
    return [
        f"{name} rose from {kept[name]:g} to {value:g}, by more than a tenth."
        for name, value in _exact(rows).items()
        if value > kept.get(name, value) * RISE
    ]


def _kept() -> dict[str, float]:
    return json.loads(FILE.read_text()) if FILE.exists() else {}


def _exact(rows: Iterable[Row]) -> dict[str, float]:
    return {f"{row.name}: {figure.name}": figure.value for row in rows for figure in row.figures if figure.exact}
