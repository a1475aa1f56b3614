"""A chat's body: every field of OpenAI's is read, and what is wrong is a 400 that names the field by its path."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from litellm_codex_agent.wire.chat_request import CHAT, PARAMETERS, ChatRequest, read_chat
from litellm_codex_agent.wire.requests import digest
from litellm_codex_agent.wire.schema import BrokenRequest

from .schemas import changed, json_values

USER = {"role": "user", "content": "Hi"}
LEAST = {"model": "echo", "messages": [USER]}
CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{"}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


def read(**fields: Any) -> ChatRequest:
    return read_chat(json.dumps({**LEAST, **fields}).encode())


def test_the_least_chat_is_a_model_and_a_message() -> None:
    asked = read()
    assert asked == ChatRequest("echo", [USER], digest=digest(LEAST))
    assert (asked.stream, asked.wants_usage, asked.parameters, asked.options) == (False, False, {}, {})


# The fields of `openai` 2.54, the newest when this was written.
OPENAI = """audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens max_tokens
    messages metadata modalities model moderation n parallel_tool_calls prediction presence_penalty prompt_cache_key
    prompt_cache_options prompt_cache_retention reasoning_effort response_format safety_identifier seed service_tier
    stop store stream stream_options temperature tool_choice tools top_logprobs top_p user verbosity
    web_search_options"""


def test_what_openai_takes_is_known_and_two_fields_more() -> None:
    assert CHAT["properties"].keys() == {*OPENAI.split(), "codex_agent", "thinking"}


VALUES: dict[str, list[Any]] = {
    "audio": [{"voice": "alloy", "format": "wav"}],
    "frequency_penalty": [-2, 0.5, 2],
    "function_call": ["none", "auto", {"name": "f"}],
    "functions": [[], [{"name": "f", "description": "d", "parameters": {}}]],
    "logit_bias": [{}, {"50256": -100, "1": 100}],
    "logprobs": [True, False],
    "max_completion_tokens": [1, 2**53 - 1],
    "max_tokens": [1, 2.0],
    "metadata": [{"a": "b"}],
    "modalities": [["text"], ["text", "audio"]],
    "moderation": [{"model": "omni-moderation-latest"}],
    "n": [1, 128],
    "parallel_tool_calls": [True],
    "prediction": [{"type": "content", "content": [{"type": "text", "text": "a"}]}],
    "presence_penalty": [2.0],
    "prompt_cache_key": ["k", ""],
    "prompt_cache_options": [{"mode": "implicit"}],
    "prompt_cache_retention": ["24h"],
    "reasoning_effort": ["none", "xhigh"],
    "response_format": [
        {"type": "text"},
        {"type": "json_object"},
        {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True}},
    ],
    "safety_identifier": ["s"],
    "seed": [-(2**63), 2**63 - 1],
    "service_tier": ["flex"],
    "stop": ["a", ["a", "b"]],
    "store": [False],
    "temperature": [0, 2],
    "thinking": [{"type": "enabled", "budget_tokens": 1024}, {"type": "adaptive"}],
    "tool_choice": [
        "required",
        {"type": "function", "function": {"name": "f"}},
        {"type": "custom", "custom": {"name": "f"}},
        {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}},
    ],
    "tools": [[], [TOOL, {"type": "custom", "custom": {"name": "c", "format": {"type": "text"}}}]],
    "top_logprobs": [0, 20],
    "top_p": [0.1],
    "user": ["u"],
    "verbosity": ["low"],
    "web_search_options": [{}],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in VALUES.items() for value in values])
def test_a_parameter_is_kept_as_it_is(name: str, value: object) -> None:
    assert read(**{name: value}).parameters == {name: value}


def test_every_parameter_is_tried() -> None:
    assert VALUES.keys() == PARAMETERS.keys()


@pytest.mark.parametrize("name", sorted(CHAT["properties"].keys() - {"model", "messages"}))
def test_null_is_the_same_as_nothing(name: str) -> None:
    assert read(**{name: None}) == read()


MESSAGES: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief."},
    {"role": "developer", "content": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}]},
    {"role": "user", "content": "", "name": "n"},
    {
        "role": "user",
        "content": [{"type": "image_url", "image_url": "data:"}, {"type": "input_audio", "input_audio": {}}],
    },
    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "u", "detail": "low"}}]},
    {"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}, {"type": "document", "source": {}}]},
    {"role": "assistant", "content": None, "tool_calls": [CALL], "function_call": None, "annotations": []},
    {"role": "assistant", "tool_calls": [{"id": "1", "type": "custom", "custom": {"name": "c", "input": ""}}]},
    {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}, {"type": "thinking", "thinking": "hm"}]},
    {"role": "assistant", "content": "Hi", "reasoning_content": "hm", "provider_specific_fields": {"a": 1}},
    {"role": "tool", "content": "ok", "tool_call_id": "1"},
    {"role": "function", "content": None, "name": "f"},
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: json.dumps(message)[:50])
def test_a_message_is_kept_as_it_is(message: dict[str, Any]) -> None:
    assert read(messages=[message]).messages == [message]


@pytest.mark.parametrize(
    ("fields", "streams", "wants_usage"),
    [
        ({"stream": True}, True, False),
        ({"stream": True, "stream_options": {"include_usage": True, "include_obfuscation": False}}, True, True),
        ({"stream": True, "stream_options": {"include_usage": None}}, True, False),
        ({"stream": False, "stream_options": {}}, False, False),
    ],
)
def test_a_stream_and_its_usage_are_asked_for(fields: dict[str, Any], streams: bool, wants_usage: bool) -> None:
    asked = read(**fields)
    assert (asked.stream, asked.wants_usage, asked.parameters) == (streams, wants_usage, {})


def test_our_options_are_kept_without_their_nulls() -> None:
    budgets = {"max_seconds": 0.5, "max_iterations": 1, "max_tool_calls": 2, "max_total_tokens": 3, "max_cost_usd": 4}
    options = {"workspace": {"path": "w"}, "session_id": "s", "permissions": "read-only", "pace": 0, "budgets": budgets}
    assert read(codex_agent=options).options == options
    nulls = {"workspace": None, "session_id": "s", "budgets": {"max_seconds": None}}
    assert read(codex_agent=nulls).options == {"session_id": "s", "budgets": {}}


BROKEN: list[tuple[dict[str, Any], str, str]] = [
    ({"model": ""}, "model", "has to be a string of at least 1 character and of at most 256 characters."),
    ({"model": None}, "model", "has to be a string"),
    ({"model": "x" * 257}, "model", "has to be a string of at least 1 character and of at most 256 characters."),
    ({"messages": []}, "messages", "has to be a list with at least 1 entry."),
    ({"messages": {}}, "messages", "has to be a list"),
    ({"messages": ["Hi"]}, "messages[0]", "has to be an object."),
    ({"messages": [{}]}, "messages[0].role", 'is missing, and has to be one of "system", "developer", "user"'),
    ({"messages": [USER, {"role": "bot"}]}, "messages[1].role", 'has to be one of "system", "developer", "user"'),
    ({"messages": [{"role": ["user"]}]}, "messages[0].role", "has to be one of"),
    ({"messages": [{"role": "user"}]}, "messages[0].content", "is missing, and has to be a string or a list."),
    ({"messages": [{"role": "user", "content": None}]}, "messages[0].content", "has to be a string or a list."),
    ({"messages": [{"role": "user", "content": ["a"]}]}, "messages[0].content[0]", "has to be an object."),
    ({"messages": [{"role": "user", "content": [{"type": 1}]}]}, "messages[0].content[0].type", "has to be one of"),
    ({"messages": [{"role": "user", "content": [{}]}]}, "messages[0].content[0].type", "is missing"),
    ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text", "is missing"),
    (
        {"messages": [{"role": "tool", "content": "a"}]},
        "messages[0].tool_call_id",
        "is missing, and has to be a string",
    ),
    ({"messages": [{"role": "function", "content": "a"}]}, "messages[0].name", "is missing"),
    (
        {
            "messages": [
                {"role": "assistant", "tool_calls": [{"type": "function", "id": "1", "function": {"name": "f"}}]}
            ]
        },
        "messages[0].tool_calls[0].function.arguments",
        "is missing, and has to be a string.",
    ),
    ({"stream": "yes"}, "stream", "has to be true or false or null."),
    ({"stream_options": {"usage": True}}, "stream_options.usage", "is not a field of `stream_options`."),
    ({"max_tokens": 0}, "max_tokens", "has to be an integer of at least 1"),
    ({"max_tokens": "10"}, "max_tokens", "has to be an integer"),
    ({"max_tokens": 1.5}, "max_tokens", "has to be an integer"),
    ({"max_tokens": True}, "max_tokens", "has to be an integer"),
    ({"n": 129}, "n", "has to be an integer of at least 1 and of at most 128 or null."),
    ({"temperature": 2.1}, "temperature", "has to be a number of at least 0 and of at most 2 or null."),
    ({"logit_bias": {"1": "2"}}, "logit_bias.1", "has to be a number"),
    ({"logit_bias": {"1": 100.5}}, "logit_bias.1", "has to be a number of at least -100 and of at most 100."),
    ({"logit_bias": {"1": -101}}, "logit_bias.1", "has to be a number of at least -100 and of at most 100."),
    ({"stop": [1]}, "stop[0]", "has to be a string."),
    ({"stop": 1}, "stop", "has to be a string or a list or null."),
    ({"tools": [{"function": {"name": "f"}}]}, "tools[0].type", 'is missing, and has to be one of "function" or'),
    ({"tools": [{"type": "function"}]}, "tools[0].function", "is missing, and has to be an object."),
    ({"tool_choice": "any"}, "tool_choice", 'has to be one of "none", "auto" or "required" or an object or null.'),
    ({"tool_choice": {"type": "function"}}, "tool_choice.function", "is missing"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema", "is missing"),
    ({"seed": 2**63}, "seed", "has to be an integer"),
    ({"codex_agent": "w"}, "codex_agent", "has to be an object or null."),
    ({"codex_agent": {"cwd": "/"}}, "codex_agent.cwd", "is not a field of `codex_agent`."),
    ({"codex_agent": {"permissions": "root"}}, "codex_agent.permissions", 'has to be one of "read-only", "edit"'),
    ({"codex_agent": {"budgets": {"max_seconds": 0}}}, "codex_agent.budgets.max_seconds", "has to be a number above 0"),
    ({"codex_agent": {"session_id": ""}}, "codex_agent.session_id", "has to be a string of at least 1 character"),
    ({"codex_agent": {"pace": -1}}, "codex_agent.pace", "has to be a number of at least 0"),
    (
        {"codex_agent": {"workspace": 1}},
        "codex_agent.workspace",
        "has to be a string of at least 1 character or an object",
    ),
    ({"max_token": 1}, "max_token", "is not a field of the request body."),
]


@pytest.mark.parametrize(("fields", "param", "sentence"), BROKEN, ids=lambda entry: str(entry)[:40])
def test_a_wrong_field_is_a_400_that_names_it(fields: dict[str, Any], param: str, sentence: str) -> None:
    with pytest.raises(BrokenRequest) as caught:
        read(**fields)
    assert (caught.value.param, caught.value.status) == (param, 400)
    assert f"`{param}` {sentence}" in str(caught.value)


BOUNDS: list[tuple[str, float, float, float]] = [
    ("frequency_penalty", -2, 2, 0.1),
    ("presence_penalty", -2, 2, 0.1),
    ("temperature", 0, 2, 0.1),
    ("top_p", 0, 1, 0.1),
    ("top_logprobs", 0, 20, 1),
    ("n", 1, 128, 1),
    ("max_tokens", 1, 2**53 - 1, 1),
    ("max_completion_tokens", 1, 2**53 - 1, 1),
    ("seed", -(2**63), 2**63 - 1, 1),
]


@pytest.mark.parametrize(("name", "least", "most", "step"), BOUNDS)
def test_a_number_is_bounded_as_openai_bounds_it(name: str, least: float, most: float, step: float) -> None:
    assert [read(**{name: value}).parameters[name] for value in (least, most)] == [least, most]
    for value in (least - step, most + step):
        with pytest.raises(BrokenRequest, match=f"^`{name}` has to be "):
            read(**{name: value})


@pytest.mark.parametrize("name", ["model", "messages"])
def test_a_chat_without_model_or_messages_is_a_400(name: str) -> None:
    body = {key: value for key, value in LEAST.items() if key != name}
    with pytest.raises(BrokenRequest, match=f"`{name}` is missing, and has to be a "):
        read_chat(json.dumps(body).encode())


@pytest.mark.parametrize("body", [b"", b"{oops", b"[]", b'"a"', b"null", b"NaN", b"[" * 100_000, b"\xff"], ids=repr)
def test_a_body_that_is_no_object_is_a_400(body: bytes) -> None:
    with pytest.raises(BrokenRequest, match=r"^The request body ") as caught:
        read_chat(body)
    assert (caught.value.param, caught.value.status) == ("", 400)


@settings(max_examples=300)
@given(changed({**LEAST, "messages": MESSAGES, "tools": [TOOL], "codex_agent": {"budgets": {}}}) | json_values)
def test_any_json_is_a_chat_or_a_broken_request(value: Any) -> None:
    try:
        asked = read_chat(json.dumps(value).encode())
    except BrokenRequest as fault:
        assert (fault.status, str(fault)[-1]) == (400, ".")
    else:
        assert (asked.model, asked.messages) == (value["model"], value["messages"])


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_as_a_broken_request(body: bytes) -> None:
    with pytest.raises(BrokenRequest):
        read_chat(body)


SAME: list[dict[str, Any]] = [
    {"model": "other"},
    {"stream": True, "stream_options": {"include_usage": True}},
    {"temperature": None},
]
OTHER: list[dict[str, Any]] = [
    {"messages": [{"role": "user", "content": "Ho"}]},
    {"messages": [USER, USER]},
    {"temperature": 1},
    {"codex_agent": {"workspace": "w"}},
]


@pytest.mark.parametrize("fields", SAME)
def test_who_answers_and_how_it_travels_is_not_in_the_digest(fields: dict[str, Any]) -> None:
    assert read(**fields).digest == read().digest


@pytest.mark.parametrize("fields", OTHER)
def test_another_question_has_another_digest(fields: dict[str, Any]) -> None:
    assert read(**fields).digest != read().digest


def test_the_order_of_fields_is_not_in_the_digest() -> None:
    assert digest({"a": {"x": 1, "y": 2}, "b": 3}) == digest({"b": 3, "a": {"y": 2, "x": 1}})


def test_a_chat_shows_no_content() -> None:
    shown = repr(read(user="secret", codex_agent={"workspace": "secret"}))
    assert "Hi" not in shown
    assert "secret" not in shown


def test_a_chat_is_not_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        read().model = "other"
