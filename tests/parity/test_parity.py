"""The provider beside LiteLLM's own `openai/`, at one endpoint: same answers, same exceptions, same Router."""

from __future__ import annotations

import asyncio

import pytest

from ..endpoint import Endpoint
from .outcome import MODES, Outcome, outcome
from .rows import ROWS, Row
from .versions import DIFFERENCES, MENDED, installed, named

MAX_DIFFERING_ROWS = 6
ALIKE = [row for row in ROWS if not row.differs]
DIFFERING = [row for row in ROWS if row.differs]


def _names(row: Row) -> str:
    return row.name


def _both(endpoint: Endpoint, row: Row, mode: str) -> tuple[Outcome, Outcome]:
    async def run() -> tuple[Outcome, Outcome]:
        return await outcome(endpoint, "openai", row, mode), await outcome(endpoint, "codex-agent", row, mode)

    return asyncio.run(run())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("row", ALIKE, ids=_names)
def test_the_provider_does_what_openai_does(endpoint: Endpoint, row: Row, mode: str) -> None:
    theirs, ours = _both(endpoint, row, mode)
    difference = named(row.name, mode, installed())
    if difference is None:
        assert ours == theirs
    else:
        assert theirs != ours, "it no longer differs on this LiteLLM: take the note away"
        assert f"{ours.error} {ours.status}" == difference.ours


@pytest.mark.parametrize("row", DIFFERING, ids=_names)
def test_a_row_that_differs_differs_as_it_says(endpoint: Endpoint, row: Row) -> None:
    pairs = {mode: _both(endpoint, row, mode) for mode in MODES}
    differs = any(theirs != ours for theirs, ours in pairs.values())
    assert differs == (installed() < MENDED.get(row.name, (9,))), "its note says otherwise of this LiteLLM"
    for mode, (theirs, ours) in pairs.items():
        expected = (row.ours_streamed or row.ours) if "stream" in mode else row.ours
        difference = named(row.name, mode, installed())
        assert theirs == ours or f"{ours.error} {ours.status}" == (difference.ours if difference else expected)


def test_the_table_is_as_long_as_promised_and_few_rows_differ() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS) >= 35
    assert len(DIFFERING) <= MAX_DIFFERING_ROWS


def test_a_version_differs_in_rows_that_there_are() -> None:
    assert {it.row for it in DIFFERENCES} <= {row.name for row in ROWS}
    assert {it.mode for it in DIFFERENCES} <= set(MODES)
