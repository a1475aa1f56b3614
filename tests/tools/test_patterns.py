"""A stranger's pattern: what it takes at the most is known before it is tried."""

from __future__ import annotations

import math
import re
import sys
from contextlib import suppress

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from litellm_codex_agent.tools.patterns import TooCostly, matches, steps

from .backtracking import Measured, Unknown, found

# How it grows with the text: a power of its length.
GROWS = [
    ("^abc$", 0),
    (r"^\d{4}-\d{2}$", 0),
    ("^[a-z*+?()|]$", 0),
    (r"^\(\*\)\+$", 0),
    ("^[]a*]$", 0),
    ("^a{2,3}$", 0),
    ("^(?:ab|cd)?c$", 0),
    ("^(?=a)(?!b)(?<=c)(?P<x>d)(?:e)$", 0),
    ("^(a)(b)$", 0),
    ("^(ab){2}$", 0),
    ("^(a+){0}$", 0),
    ("^(?#a+)b$", 0),
    ("abc", 1),
    ("^a+$", 1),
    ("^a*?$", 1),
    ("^a{2,}$", 1),
    ("^(ab){2,}$", 1),
    ("^(?:ab|^a*b)", 1),
    (r"\A.*b", 1),
    ("^(?:a+)?b", 1),
    ("^a{,}b", 1),
    ("a*b", 2),
    ("^x|a*b", 2),
    ("(?=^)a*b", 2),
    ("(?:^a)*b", 2),
    (r"(?:$|\b|\B|\Z)a*b", 2),
    ("(?:ab)*c", 2),
    ("^[^@]+@[^@]+$", 2),
    ("^.*.*b", 2),
]
ENDLESS = [
    "^(a+)+$",
    "^(a|a)*$",
    "^(a+){,50}$",
    "^(a+){,}$",
    "^(a+){2,}$",
    "^(a|aa){,900}$",
    "^(?:a?){,40}b",
    "^(?:|a)*b",
    "^(?:a*)*?b",
    "(?=(a+){,90})",
    r"^(a)\1$",
    "^(?P<x>a)(?P=x)$",
    "^(a)?(?(1)b|c)$",
    "(?i)^a$",
    "(?m)^a*b",
    "(?m:^a*b)",
    "(?-i:a)",
    "^" + "(?:a|b)(?:ab|a)" * 100,
    "a" * 5000,
    "(",
]
OF_311 = ["^(?>a+)b", "^a++b", "^a*+b", "^(?:ab)*+b"]


def growth(pattern: str) -> float:
    return math.log2(steps(pattern, 2**12) / steps(pattern, 2**11))


@pytest.mark.parametrize(("pattern", "power"), GROWS)
def test_it_is_known_how_what_a_pattern_takes_grows_with_the_text(pattern: str, power: int) -> None:
    # A search in a longer text has more places to begin at, if only to see that it does not.
    assert round(growth(pattern)) == max(power, 1) and (power > 0 or steps(pattern, 2**12) < 2**14)


@pytest.mark.parametrize("pattern", ENDLESS)
def test_one_that_may_take_for_ever_is_known_too(pattern: str) -> None:
    assert steps(pattern, 1000) > 10**12
    with pytest.raises(TooCostly, match="the pattern "):
        matches(pattern, "a" * 1000)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 does not know them")
@pytest.mark.parametrize("pattern", OF_311)
def test_what_is_never_tried_another_way_grows_as_its_like(pattern: str) -> None:
    assert round(growth(pattern)) == 1


def test_one_that_ends_soon_is_searched_anywhere() -> None:
    assert matches("b+", "abbc") and not matches("^b", "abbc")


@pytest.mark.parametrize(("pattern", "text"), [("^a*a*a*a*$", "a" * 100), ("(", ""), ("[", ""), ("(" * 4000, "")])
def test_one_that_takes_too_long_for_a_text_or_is_none_is_not_tried(pattern: str, text: str) -> None:
    with pytest.raises(TooCostly, match="the pattern "):
        matches(pattern, text)


PIECES = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "$", "^", "", "a*", "b+?", "(?=a)", "(?!b)", "(?<=a)"])
ENDS = st.sampled_from(["", "*", "+", "?", "??", "*?", "{,}", "{,3}", "{2}", "{1,}", "{0,2}?", "{2,3}"])
PATTERNS = st.recursive(
    PIECES,
    lambda inner: st.one_of(
        st.builds("({}){}".format, inner, ENDS),
        st.builds("(?:{}|{}){}".format, inner, inner, ENDS),
        st.builds("{}{}".format, inner, inner),
        st.builds("{}|{}".format, inner, inner),
        st.builds("^{}".format, inner),
    ),
    max_leaves=6,
)


@given(PATTERNS, st.text(alphabet="ab", max_size=9))
def test_no_pattern_takes_more_than_was_said(pattern: str, text: str) -> None:
    """Measured by a matcher that tries all ways; what it finds shows that it is one."""
    said = steps(pattern, len(text))
    assume(said < 20_000)
    measured = Measured(pattern, text, patience=round(said))
    assert measured.found == found(pattern, text) == matches(pattern, text)


@given(st.text(alphabet="ab()[]{}|*+?\\^$12,.<>P=:!", max_size=14), st.text(alphabet="ab", max_size=300))
def test_any_pattern_ends(pattern: str, text: str) -> None:
    with suppress(TooCostly, FutureWarning):
        assert matches(pattern, text) in (True, False)


@given(st.text(alphabet="ab()[]{}|*+?^$12,.", max_size=14), st.text(alphabet="ab", max_size=9))
def test_no_letters_in_a_row_take_more_than_was_said(pattern: str, text: str) -> None:
    with suppress(re.error, FutureWarning, Unknown, OverflowError):
        said = steps(pattern, len(text))
        if said < 20_000:
            assert Measured(pattern, text, patience=round(said)).found == found(pattern, text)
