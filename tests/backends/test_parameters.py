"""A backend's table: every parameter and option is honoured, passed on, listed or refused by name."""

from __future__ import annotations

import pytest

from litellm_codex_agent.backends.echo import Echo
from litellm_codex_agent.backends.parameters import (
    HARMLESS,
    STEERING,
    Parameters,
    RefusedParameter,
    sort,
    sort_options,
)

TABLE = Parameters(honoured=frozenset({"n"}), passed=frozenset({"seed"}), options=frozenset({"pace"}))


def test_what_is_honoured_or_passed_on_is_kept_and_what_is_harmless_is_listed() -> None:
    given = {"n": 2, "seed": 1, "user": "me", "store": True}
    assert sort(given, TABLE, "a") == ({"n": 2, "seed": 1}, ["store", "user"])


@pytest.mark.parametrize("given", [{"logprobs": False}, {"tools": []}, {"audio": None}, {"tool_choice": "auto"}])
def test_a_parameter_at_its_neutral_value_asks_for_nothing(given: dict[str, object]) -> None:
    assert sort(given, TABLE, "a") == ({}, [])


@pytest.mark.parametrize("given", [{"logprobs": True}, {"tools": [{}]}, {"audio": {}}, {"temperature": 0}])
def test_any_other_parameter_is_refused_by_name(given: dict[str, object]) -> None:
    with pytest.raises(RefusedParameter, match=f"'a' cannot honour `{next(iter(given))}`") as caught:
        sort(given, TABLE, "a")
    assert caught.value.name == next(iter(given))


def test_what_steers_a_model_changes_nothing_for_echo() -> None:
    given = dict.fromkeys(HARMLESS | STEERING, 1)
    assert sort(given, Echo.parameters, "echo") == ({}, sorted(given))


def test_options_of_the_backend_and_of_the_house_are_kept() -> None:
    given = {"pace": 0, "session_id": "s", "budgets": {"max_seconds": 1}}
    assert sort_options(given, TABLE, "a") == (given, [])
    assert sort_options({**given, "workspace": None}, TABLE, "a") == (given, [])


def test_a_budget_that_bounds_nothing_is_listed_and_one_that_cannot_be_kept_is_refused() -> None:
    given = {"budgets": {"max_seconds": 1, "max_tool_calls": 2}}
    assert sort_options(given, Echo.parameters, "echo") == (given, ["budgets.max_tool_calls"])
    with pytest.raises(RefusedParameter, match=r"`codex_agent.budgets.max_tool_calls`"):
        sort_options(given, Parameters(), "a")


@pytest.mark.parametrize("name", ["workspace", "permissions", "pace"])
def test_any_other_option_is_refused_by_name(name: str) -> None:
    with pytest.raises(RefusedParameter, match=f"'echo' cannot honour `codex_agent.{name}`") as caught:
        sort_options({name: "x"}, Echo.parameters, "echo")
    assert caught.value.name == f"codex_agent.{name}"
