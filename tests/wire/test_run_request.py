"""A run's body: every field of /agent/run is read, and what is wrong is a 422 that names it, or a 400."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings

from litellm_codex_agent.wire.requests import digest
from litellm_codex_agent.wire.run_request import RUN, TOOL_BACKENDS, RunRequest, read_run
from litellm_codex_agent.wire.schema import BrokenRequest

from .schemas import changed, json_values

USER = {"role": "user", "content": "Hi"}
LEAST = {"model": "m", "messages": [USER]}
SERVERS = {
    "files": {"command": "mcp-files", "args": ["-v"], "env": {"FILES_KEY": "k-123456"}, "cwd": "w"},
    "web": {"url": "https://mcp.example", "headers": {"x-key": "k-234567"}, "authorization": "Bearer k-345678"},
}


def read(**fields: Any) -> RunRequest:
    return read_run(json.dumps({**LEAST, **fields}).encode())


def test_the_least_run_is_a_model_and_a_message() -> None:
    assert read() == RunRequest("m", [USER], "local", {}, {}, digest(LEAST), ())


def test_the_fields_are_those_of_the_contract() -> None:
    contract = """messages model tool_backend tool_http_base_url tool_http_headers mcp_servers max_iterations
        max_total_seconds max_total_tokens max_tool_calls max_cost_usd escalate_on_budget_exceeded escalate_model
        use_tools auto_run_code_on_code_block enable_repair workspace session_id response_format"""
    assert RUN["properties"].keys() == set(contract.split())


@pytest.mark.parametrize("name", TOOL_BACKENDS)
def test_a_tool_backend_is_asked_for_by_name(name: str) -> None:
    assert read(tool_backend=name, tool_http_base_url="http://tools.test").tool_backend == name


OPTIONS: dict[str, Any] = {
    "tool_http_base_url": "http://tools.test",
    "tool_http_headers": {"X-Key": "k"},
    "mcp_servers": SERVERS,
    "escalate_on_budget_exceeded": True,
    "escalate_model": "big",
    "use_tools": False,
    "auto_run_code_on_code_block": True,
    "enable_repair": True,
    "workspace": "w",
    "session_id": "s",
}


@pytest.mark.parametrize(("name", "value"), OPTIONS.items())
def test_an_option_is_kept_as_it_is(name: str, value: object) -> None:
    assert read(**{name: value}).options == {name: value}


def test_budgets_are_called_as_in_a_chat() -> None:
    asked = read(max_iterations=1, max_total_seconds=2.5, max_total_tokens=3, max_tool_calls=4, max_cost_usd=0.5)
    assert asked.options == {
        "budgets": {
            "max_iterations": 1,
            "max_seconds": 2.5,
            "max_total_tokens": 3,
            "max_tool_calls": 4,
            "max_cost_usd": 0.5,
        }
    }


def test_a_response_format_is_a_parameter() -> None:
    assert read(response_format={"type": "json_object"}).parameters == {"response_format": {"type": "json_object"}}


@pytest.mark.parametrize("name", sorted(RUN["properties"].keys() - {"model", "messages"}))
def test_null_is_the_same_as_nothing(name: str) -> None:
    assert read(**{name: None}) == read()


BROKEN: list[tuple[dict[str, Any], str, str]] = [
    ({"tool_backend": "ssh"}, "tool_backend", 'has to be one of "local", "http", "mcp", "echo", "router" or null.'),
    ({"tool_backend": 5}, "tool_backend", "has to be one of"),
    ({"tool_backend": "http", "tool_http_base_url": 0}, "tool_http_base_url", "has to be a string"),
    ({"tool_http_headers": {"X-Key": 1}}, "tool_http_headers.X-Key", "has to be a string."),
    ({"tool_http_headers": [["a", "b"]]}, "tool_http_headers", "has to be an object or null."),
    ({"mcp_servers": [{}]}, "mcp_servers", "has to be an object or null."),
    ({"mcp_servers": {"a": {}}}, "mcp_servers.a.command", "is missing, and has to be a string"),
    ({"mcp_servers": {"a": {"command": "c", "env": {"K": 1}}}}, "mcp_servers.a.env.K", "has to be a string."),
    (
        {"mcp_servers": {"a": {"command": "c", "url": "u"}}},
        "mcp_servers.a.url",
        "is not a field of `mcp_servers.a`.",
    ),
    ({"max_iterations": 0}, "max_iterations", "has to be an integer of at least 1"),
    ({"max_total_seconds": 0}, "max_total_seconds", "has to be a number above 0"),
    ({"max_cost_usd": -1}, "max_cost_usd", "has to be a number above 0"),
    ({"use_tools": "no"}, "use_tools", "has to be true or false or null."),
    ({"temperature": 1}, "temperature", "is not a field of the request body."),
    ({"stream": True}, "stream", "is not a field of the request body."),
    ({"messages": []}, "messages", "has to be a list with at least 1 entry."),
    ({"messages": [{"role": "user"}]}, "messages[0].content", "is missing, and has to be a string or a list."),
]


@pytest.mark.parametrize(("fields", "param", "sentence"), BROKEN, ids=lambda entry: str(entry)[:40])
def test_a_wrong_field_is_a_422_that_names_it(fields: dict[str, Any], param: str, sentence: str) -> None:
    with pytest.raises(BrokenRequest) as caught:
        read(**fields)
    assert (caught.value.param, caught.value.status) == (param, 422)
    assert f"`{param}` {sentence}" in str(caught.value)


@pytest.mark.parametrize("fields", [{}, {"tool_http_base_url": None}, {"tool_http_base_url": ""}])
def test_http_tools_without_an_address_are_a_400(fields: dict[str, Any]) -> None:
    with pytest.raises(BrokenRequest, match="has to be the address of the tools' server") as caught:
        read(tool_backend="http", **fields)
    assert (caught.value.param, caught.value.status) == ("tool_http_base_url", 400)


@pytest.mark.parametrize(
    ("body", "status"), [(b"{oops", 400), (b"[" * 100_000, 400), (b'{"model": NaN}', 400), (b"[]", 422), (b"{}", 422)]
)
def test_what_is_not_json_is_a_400_and_what_is_no_run_a_422(body: bytes, status: int) -> None:
    with pytest.raises(BrokenRequest) as caught:
        read_run(body)
    assert caught.value.status == status


STANDARD = jsonschema.Draft202012Validator(dict(RUN))
HTTP = {**LEAST, **OPTIONS, "tool_backend": "http", "max_iterations": 1}


@settings(max_examples=300)
@given(changed(HTTP) | json_values)
def test_any_json_is_a_run_or_a_broken_request_as_the_document_says(value: object) -> None:
    try:
        read_run(json.dumps(value).encode())
    except BrokenRequest as fault:
        assert fault.status in (400, 422)
        assert not STANDARD.is_valid(value)
    else:
        assert STANDARD.is_valid(value)


@pytest.mark.parametrize("name", TOOL_BACKENDS)
def test_the_document_says_which_tools_need_an_address(name: str) -> None:
    assert STANDARD.is_valid({**LEAST, "tool_backend": name}) is (name != "http")


def test_a_run_knows_its_secrets_and_shows_none() -> None:
    asked = read(**OPTIONS, response_format={"type": "json_schema", "json_schema": {"name": "k-456789"}})
    assert asked.secrets == ("Bearer k-345678", "k-123456", "k-234567", "k-345678")
    assert not re.search("k-|Hi|json", repr(asked))


def test_a_run_is_not_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        read().model = "other"
