"""A stranger's pattern: what it takes at the most is known before it is tried."""

from __future__ import annotations

import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_codex_agent.tools.patterns import TooCostly, matches, steps

TAKES = [
    ("^abc$", 1),
    (r"^\d{4}-\d{2}$", 1),
    ("^[a-z*+?()|]$", 1),
    (r"^\(\*\)\+$", 1),
    (r"^[]a*]$", 1),
    ("abc", 10),
    ("^a+$", 10),
    ("^a*?$", 10),
    ("^a{2,}$", 10),
    ("^a{2,3}$", 10),
    ("^[^@]+@[^@]+$", 100),
    ("^(?:a|b)?c$", 4),
    ("^(?=a)(?!b)(?<=c)(?P<x>d)(?:e)$", 1),
    ("^(a)(b)$", 1),
    ("^(a+)+$", math.inf),
    ("^(a|a)*$", math.inf),
    ("^(ab){2}$", math.inf),
    ("^(ab){2,}$", math.inf),
    (r"^(a)\1$", math.inf),
    ("^(?P<x>a)(?P=x)$", math.inf),
    ("^(?i)a$", math.inf),
    ("^(?#a+)b$", math.inf),
]


@pytest.mark.parametrize(("pattern", "most"), TAKES)
def test_what_a_pattern_takes_is_known(pattern: str, most: float) -> None:
    assert steps(pattern, 10) == most


def test_one_that_ends_soon_is_searched_anywhere() -> None:
    assert matches("b+", "abbc") and not matches("^b", "abbc")


@pytest.mark.parametrize(("pattern", "text"), [("^(a+)+$", "a"), ("^a*a*a*a*$", "a" * 100), ("(", ""), ("[", "")])
def test_one_that_may_take_for_ever_is_not_tried(pattern: str, text: str) -> None:
    with pytest.raises(TooCostly, match="the pattern "):
        matches(pattern, text)


@given(st.text(alphabet="ab()[]{}|*+?\\^$12,.<>P=:!", max_size=14), st.text(alphabet="ab", max_size=300))
def test_any_pattern_ends(pattern: str, text: str) -> None:
    with suppress(TooCostly):
        assert matches(pattern, text) in (True, False)
