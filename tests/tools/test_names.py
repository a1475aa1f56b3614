"""Names that every model takes."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as some

from litellm_codex_agent.tools.names import MAX_NAME_CHARS, qualified, valid

ODD = some.text(alphabet="ab_-. é/", max_size=70)


def test_a_valid_name_stays_as_it_is() -> None:
    names = ["read", "read_file", "a-b", "x" * 64]
    assert valid(names) == names


def test_a_name_that_is_not_valid_is_made_so() -> None:
    assert valid(["files.read", "näme", ""]) == ["files_read", "n_me", "tool"]


def test_a_made_name_never_takes_that_of_another() -> None:
    made, own = valid(["a.b", "a_b"])
    assert own == "a_b" and re.fullmatch(r"a_b_[0-9a-f]{8}", made)


def test_a_name_that_is_taken_is_made_anew() -> None:
    (made,) = valid(["read"], taken=["read"])
    assert re.fullmatch(r"read_[0-9a-f]{8}", made)


def test_a_made_name_may_be_just_long_enough() -> None:
    assert valid(["x" * 31 + "." + "x" * 32]) == ["x" * 31 + "_" + "x" * 32]


def test_a_long_name_keeps_its_beginning() -> None:
    (made,) = valid(["x" * 65])
    assert re.fullmatch(r"x{55}_[0-9a-f]{8}", made) and len(made) == 64


def test_a_qualified_name_says_whose_it_is() -> None:
    assert qualified("git hub", "search") == "git_hub__search"
    assert qualified("s" * 40, "search") == "s" * 24 + "__search"


@settings(max_examples=200, deadline=None)
@given(some.lists(ODD, max_size=8), some.sets(ODD, max_size=4))
def test_names_are_valid_unique_and_the_same_each_time(names: list[str], taken: set[str]) -> None:
    made = valid(names, taken)
    assert len(made) == len(names) == len(set(made)) and not set(made) & taken
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", name) and len(name) <= MAX_NAME_CHARS for name in made)
    assert made == valid(names, taken)
