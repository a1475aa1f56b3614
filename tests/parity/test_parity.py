"""The provider beside LiteLLM's own `openai/`, at one endpoint: same answers, same exceptions, same Router."""

from __future__ import annotations

import asyncio

import pytest

from ..endpoint import Endpoint
from .outcome import MODES, outcome
from .rows import ROWS, Row

MAX_DIFFERING_ROWS = 6
ALIKE = [row for row in ROWS if not row.differs]
DIFFERING = [row for row in ROWS if row.differs]


def _names(row: Row) -> str:
    return row.name


def _both(endpoint: Endpoint, row: Row, mode: str) -> tuple[object, object]:
    async def run() -> tuple[object, object]:
        return await outcome(endpoint, "openai", row, mode), await outcome(endpoint, "codex-agent", row, mode)

    return asyncio.run(run())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("row", ALIKE, ids=_names)
def test_the_provider_does_what_openai_does(endpoint: Endpoint, row: Row, mode: str) -> None:
    theirs, ours = _both(endpoint, row, mode)
    assert ours == theirs


@pytest.mark.parametrize("row", DIFFERING, ids=_names)
def test_a_row_that_differs_differs_as_it_says(endpoint: Endpoint, row: Row) -> None:
    pairs = {mode: _both(endpoint, row, mode) for mode in MODES}
    assert any(theirs != ours for theirs, ours in pairs.values()), "it no longer differs: take the note away"
    for mode, (theirs, ours) in pairs.items():
        expected = (row.ours_streamed or row.ours) if "stream" in mode else row.ours
        assert theirs == ours or f"{ours.error} {ours.status}" == expected  # type: ignore[attr-defined]


def test_the_table_is_as_long_as_promised_and_few_rows_differ() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS) >= 35
    assert len(DIFFERING) <= MAX_DIFFERING_ROWS
