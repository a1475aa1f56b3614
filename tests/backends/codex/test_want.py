"""What a request wants of Codex beside its messages, and what it cannot have."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_codex_agent.backends.backend import Task
from litellm_codex_agent.backends.codex.want import Want, look, want
from litellm_codex_agent.backends.events import Usage
from litellm_codex_agent.backends.parameters import RefusedParameter

SCHEMA = {"type": "object"}
FORM = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}


def wanted(model: str = "", *, given: dict[str, Any] | None = None, network: bool = False, **options: Any) -> Want:
    return want(Task("run", model, (), given or {}, options), network=network, model="operator's")


def test_nothing_asked_for_is_an_edit_with_the_operators_model() -> None:
    assert wanted() == Want(model="operator's")


def test_what_is_asked_for_is_wanted() -> None:
    told = wanted("gpt-5", given={"reasoning_effort": "low", "response_format": FORM}, workspace="/w")
    assert told == Want("gpt-5", "low", "/w", form=FORM, schema=SCHEMA)


def test_a_form_without_a_schema_gives_codex_none() -> None:
    form = {"type": "json_object"}
    assert wanted(given={"response_format": form}) == Want(model="operator's", form=form)


@pytest.mark.parametrize(
    "permissions, writable, network", [(None, True, False), ("read-only", False, False), ("full", True, True)]
)
def test_permissions_say_what_it_may_write_and_reach(permissions: str | None, writable: bool, network: bool) -> None:
    told = wanted(network=True, permissions=permissions)
    assert (told.writable, told.network) == (writable, network)


@pytest.mark.parametrize(
    "given, options, field",
    [
        ({"tools": [{}]}, {}, "tools"),
        ({"tools": [{}], "tool_choice": "auto"}, {}, "tools"),
        ({}, {"permissions": "root"}, "permissions"),
        ({}, {"permissions": ["full"]}, "permissions"),
        ({}, {"permissions": "full"}, "permissions"),
        ({}, {"workspace": 5}, "workspace"),
        ({}, {"workspace": "here"}, "workspace"),
    ],
)
def test_what_cannot_be_had_is_refused_by_its_field(given: dict[str, Any], options: dict[str, Any], field: str) -> None:
    for refusing in (lambda: look(given, options, network=False), lambda: wanted(given=given, **options)):
        with pytest.raises(RefusedParameter) as refused:
            refusing()
        assert refused.value.name == field


def test_tools_that_may_not_be_called_are_none() -> None:
    look({"tools": [{}], "tool_choice": "none"}, {}, network=False)


@pytest.mark.parametrize(
    "bound, cost, told", [(True, None, ["budgets.max_cost_usd"]), (True, 0.5, []), (False, None, [])]
)
def test_a_bound_that_nothing_was_measured_by_is_told(bound: bool, cost: float | None, told: list[str]) -> None:
    assert Want(cost_bound=bound).unbound(Usage(cost_usd=cost)) == told


def test_a_form_that_is_text_is_none() -> None:
    assert wanted(given={"response_format": {"type": "text"}}) == Want(model="operator's")


def test_one_that_is_to_do_without_tools_is_refused() -> None:
    with pytest.raises(RefusedParameter, match="use_tools") as refused:
        look({}, {"use_tools": False}, network=True)
    assert refused.value.name == "use_tools"
    look({}, {"use_tools": True}, network=True)
