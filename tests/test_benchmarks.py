"""The counts that CI holds: a rise of more than a tenth over what was recorded fails, and nothing else does."""

from __future__ import annotations

import json

import pytest

from benchmarks.recorded import FILE, compare
from benchmarks.table import Figure, Row, text

# A count of the file, by its row and its figure.
ROW, FIGURE = "calls", "function calls"
RECORDED = json.loads(FILE.read_text())[f"{ROW}: {FIGURE}"]


def row(value: float, *, exact: bool = True) -> Row:
    return Row(ROW, "own function calls", (Figure(FIGURE, value, 1000, exact=exact),))


@pytest.mark.parametrize("share", [0.5, 1.0, 1.1])
def test_a_count_that_rose_by_a_tenth_at_most_passes(share: float) -> None:
    assert compare([row(RECORDED * share)]) == []


def test_a_count_that_rose_by_more_than_a_tenth_is_named() -> None:
    (said,) = compare([row(RECORDED * 1.11)])
    assert said.startswith(f"{ROW}: {FIGURE} rose from {RECORDED} to ")


def test_a_time_is_never_held() -> None:
    assert compare([row(RECORDED * 2, exact=False)]) == []


def test_a_count_that_was_never_recorded_passes() -> None:
    assert compare([Row("new", "", (Figure("count", 5, 1, exact=True),))]) == []


def test_a_row_that_misses_says_by_how_much() -> None:
    assert "MISSED by 12" in text([row(1012)])
    assert "reached" in text([row(1000)])
