"""What a request wants beside its messages: what cannot be given is refused by the name of its field."""

from __future__ import annotations

from typing import Any

import pytest

from litellm_codex_agent.agent.wanted import Wanted, client_tools, wanted
from litellm_codex_agent.backends.parameters import RefusedParameter

TOOL = {"type": "function", "function": {"name": "ask_user"}}


def test_nothing_asked_for_is_a_run_with_local_tools_and_no_network() -> None:
    assert wanted({}, network=True) == Wanted()
    assert Wanted().tools and Wanted().writable and not Wanted().network


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"tool_backend": "echo"}, "tool_backend"),
        ({"tool_http_base_url": "http://a"}, "tool_http_base_url"),
        ({"tool_http_headers": {"a": "b"}, "tool_backend": "mcp", "mcp_servers": {"a": {}}}, "tool_http_headers"),
        ({"mcp_servers": {"a": {"url": "http://a"}}, "tool_backend": "http"}, "mcp_servers"),
        ({"workspace": "/a", "tool_backend": "http"}, "workspace"),
        ({"workspace": "/a", "tool_backend": "router"}, "workspace"),
        ({"use_tools": True, "tool_backend": "router"}, "use_tools"),
        ({"tool_backend": "mcp"}, "mcp_servers"),
        ({"escalate_on_budget_exceeded": True}, "escalate_model"),
        ({"permissions": "ask"}, "permissions: ask"),
        ({"workspace": 1}, "workspace"),
        ({"workspace": "repo"}, "workspace"),
    ],
)
def test_what_cannot_be_given_is_refused_by_its_name(options: dict[str, Any], named: str) -> None:
    with pytest.raises(RefusedParameter, match=f"`{named}") as refused:
        wanted(options, network=True)
    assert refused.value.name == named.partition(":")[0]


def test_the_network_is_given_where_both_want_it() -> None:
    assert wanted({"permissions": "full"}, network=True).network
    assert not wanted({}, network=True).network
    with pytest.raises(RefusedParameter, match="--network on") as refused:
        wanted({"permissions": "full"}, network=False)
    assert refused.value.name == "permissions"


def test_an_escalation_needs_its_flag_and_its_model() -> None:
    assert wanted({"escalate_model": "big"}, network=False).escalate_to == ""
    assert wanted({"escalate_model": "big", "escalate_on_budget_exceeded": True}, network=False).escalate_to == "big"


def test_what_is_asked_for_is_read_whole() -> None:
    local = {"workspace": "/a", "permissions": "read-only", "use_tools": False, "enable_repair": False}
    assert wanted({**local, "auto_run_code_on_code_block": True}, network=False) == Wanted(
        use_tools=False, workspace="/a", writable=False, run_code=True, repair=False
    )
    http = {"tool_backend": "http", "tool_http_base_url": "http://a", "tool_http_headers": {"a": "b"}}
    assert wanted(http, network=False) == Wanted("http", base_url="http://a", headers={"a": "b"})
    servers = {"a": {"url": "http://a"}}
    asked = {"tool_backend": "mcp", "mcp_servers": servers, "workspace": "/a", "use_tools": True}
    assert wanted(asked, network=False) == Wanted("mcp", use_tools=True, workspace="/a", servers=servers)


def test_empty_is_as_good_as_nothing() -> None:
    empty = {"tool_backend": "", "permissions": "", "workspace": "", "escalate_model": None, "mcp_servers": {}}
    assert wanted(empty, network=False) == Wanted()


@pytest.mark.parametrize("backend", ["local", "http"])
def test_tools_may_be_asked_for_where_there_are_some(backend: str) -> None:
    assert wanted({"tool_backend": backend, "use_tools": True}, network=False).use_tools is True


@pytest.mark.parametrize(
    ("want", "tools"),
    [
        (Wanted(), True),
        (Wanted(use_tools=True), True),
        (Wanted(use_tools=False), False),
        (Wanted("router"), False),
        (Wanted("router", use_tools=True), False),
    ],
)
def test_there_are_tools_unless_none_are_wanted_or_the_model_is_asked_plainly(want: Wanted, tools: bool) -> None:
    assert want.tools is tools


def test_an_escalation_that_is_asked_for_without_a_model_names_none() -> None:
    assert wanted({"escalate_on_budget_exceeded": False}, network=False).escalate_to == ""


def test_no_log_shows_what_may_hold_a_key() -> None:
    assert "secret" not in repr(Wanted(headers={"a": "secret"}, servers={"a": {"headers": "secret"}}))


def test_the_tools_of_a_client_are_offered_unless_it_wants_none_called() -> None:
    assert client_tools({"tools": [TOOL], "tool_choice": "auto"}) == [TOOL]
    assert client_tools({"tools": [TOOL], "tool_choice": "none"}) == []
    assert client_tools({"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "ask_user"}}})
    assert client_tools({"tools": None}) == client_tools({}) == []


@pytest.mark.parametrize(
    ("parameters", "named", "why"),
    [
        ({"tools": [TOOL, {"type": "custom", "custom": {"name": "x"}}]}, "tools", "of type custom"),
        ({"tools": [TOOL, TOOL]}, "tools", "'ask_user' more than once"),
        ({"tools": [TOOL], "tool_choice": {"function": {"name": "x"}}}, "tool_choice", "names 'x'"),
        ({"tool_choice": {"function": {"name": "x"}}}, "tool_choice", "none of `tools`"),
    ],
)
def test_tools_that_could_not_be_called_are_refused(parameters: dict[str, Any], named: str, why: str) -> None:
    with pytest.raises(RefusedParameter, match=why) as refused:
        client_tools(parameters)
    assert refused.value.name == named


def test_what_mini_does_not_offer_is_refused_in_its_name() -> None:
    with pytest.raises(RefusedParameter, match=r"is not offered by mini\."):
        wanted({"permissions": "ask"}, network=True)
