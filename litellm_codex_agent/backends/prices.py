"""What an operator says that tokens cost, in the form of LiteLLM's own table, so that a row of that can be copied."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..wire.strict_json import read_json
from .backend import NotReady
from .events import Usage

__all__ = ["Prices", "read_prices"]

_INPUT, _OUTPUT, _CACHED = "input_cost_per_token", "output_cost_per_token", "cache_read_input_token_cost"


class Prices:
    """`rows` are dollars a token, by the name of a model, and by what they are for."""

    def __init__(self, rows: Mapping[str, Mapping[str, float]]) -> None:
        self._rows = rows

    def __call__(self, model: str, usage: Usage) -> float | None:
        """In dollars; None for a model that has no row."""
        row = self._rows.get(model) or self._rows.get(model.rpartition("/")[2])
        if row is None:
            return None
        fresh = usage.prompt_tokens - usage.cached_tokens
        cached = usage.cached_tokens * row.get(_CACHED, row[_INPUT])
        return fresh * row[_INPUT] + cached + usage.completion_tokens * row[_OUTPUT]


def read_prices(path: Path) -> Prices:
    """Raises `NotReady` with the reason, and the place in the file."""
    try:
        rows = read_json(path.read_bytes(), f"The file of prices {path}")
    except OSError as error:
        raise NotReady(f"The file of prices {path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise NotReady(str(error)) from error
    if not isinstance(rows, Mapping):
        raise NotReady(f"The file of prices {path} has to be an object of JSON, with a row for each model.")
    # LiteLLM's own table has models that are paid by the picture or the second.
    return Prices({name: _row(path, name, row) for name, row in rows.items() if _is_by_token(row)})


def _is_by_token(row: object) -> bool:
    return isinstance(row, Mapping) and _INPUT in row and _OUTPUT in row


def _row(path: Path, name: str, row: Mapping[str, object]) -> Mapping[str, float]:
    prices = {}
    for key in (_INPUT, _OUTPUT, _CACHED):
        value = row.get(key, 0.0)
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise NotReady(f"`{key}` of {name!r} in {path} has to be a number from 0: dollars for one token.")
        if key in row:
            prices[key] = float(value)
    return prices
