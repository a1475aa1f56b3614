"""The mini-agent as a chat model: statuses, live steps, and the client's own tools."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from .stand import HI, Stand, call, shell

TOOLS = [
    {
        "type": "function",
        "function": {"name": "ask_user", "parameters": {"type": "object", "properties": {"text": {"type": "string"}}}},
    }
]
ASKING = {"text": "I ask.", "tool_calls": [call("ask_user", text="Which?")], "usage": {"prompt_tokens": 3}}


def chunks(reply: httpx.Response) -> list[dict[str, Any]]:
    lines = [line.removeprefix("data: ") for line in reply.text.splitlines() if line.startswith("data: ")]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


def said(told: list[dict[str, Any]], field: str) -> str:
    deltas = [chunk["choices"][0]["delta"] for chunk in told if chunk["choices"]]
    return "".join(delta.get(field) or "" for delta in deltas)


def message(reply: httpx.Response) -> dict[str, Any]:
    told: dict[str, Any] = reply.raise_for_status().json()["choices"][0]["message"]
    return told


def test_steps_are_thoughts_and_the_answer_is_content(stand: Stand) -> None:
    reply = stand.chat({"thoughts": "Hm.", "text": "I look.", **shell("echo 1")}, {"text": "Done."})
    told = message(reply)
    assert told["content"] == "Done."
    assert told["reasoning_content"].startswith("Hm.I look.\n[exec_shell] echo 1\n[ok] ")


def test_a_stream_says_the_same_piece_by_piece(stand: Stand) -> None:
    long = "word " * 200
    reply = stand.chat({"text": "I look.", **shell("echo 1")}, {"text": long, "pieces": 50}, stream=True)
    told = chunks(reply)
    assert said(told, "content") == long
    assert said(told, "reasoning_content").startswith("I look.\n[exec_shell] echo 1\n")
    assert len([chunk for chunk in told if chunk["choices"][0]["delta"].get("content")]) > 25


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
def test_before_its_first_tool_call_a_failed_model_is_told_by_its_own_status(
    stand: Stand, status: int, stream: bool
) -> None:
    error = {"status": status, "message": "no", "retry_after": 7}
    reply = stand.chat({"error": error}, stream=stream)
    assert (reply.status_code, reply.headers.get("retry-after")) == (status, "7")


@pytest.mark.parametrize("status", [400, 503])
def test_after_it_a_failed_model_is_a_run_that_nobody_repeats(stand: Stand, status: int) -> None:
    error = {"error": {"status": status, "message": "no", "retry_after": 0}, "again": True}
    reply = stand.chat(shell("echo 1"), error)
    assert (reply.status_code, reply.json()["error"]["code"]) == (422, "run_failed")


def test_a_passing_failure_after_the_first_act_is_asked_again(stand: Stand) -> None:
    error = {"error": {"status": 503, "message": "no", "retry_after": 0}}
    assert message(stand.chat(shell("echo 1"), error, error, {"text": "Done."}))["content"] == "Done."


def test_budgets_and_permissions_are_fields_of_ours(stand: Stand) -> None:
    asked = {"budgets": {"max_iterations": 1}, "permissions": "read-only"}
    reply = stand.chat(shell("echo 1 > f; echo $?"), {"text": "{{last_result}}"}, codex_agent=asked)
    told = reply.json()
    assert (told["choices"][0]["finish_reason"], told["codex_agent"]["stopped_reason"]) == ("length", "max_iterations")
    assert json.loads(told["choices"][0]["message"]["content"])["stdout"] != "0\n"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"codex_agent": {"permissions": "full"}}, "--network on"),
        ({"codex_agent": {"permissions": "ask"}}, "permissions: ask"),
        ({"codex_agent": {"workspace": {"repo": "x"}}}, "`workspace` has to be the path"),
        ({"codex_agent": {"workspace": "/etc"}}, "CODEX_AGENT_WORKSPACES"),
        ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "of type custom"),
        ({"tools": [{"type": "function", "function": {"name": "exec_shell"}}]}, "of the agent's own"),
        ({"tools": [*TOOLS, *TOOLS]}, "more than once"),
        ({"codex_agent": {"workspace": "repo"}}, "absolute path"),
        ({"n": 2}, "`n`"),
    ],
)
def test_what_it_cannot_do_is_refused_by_name(stand: Stand, fields: dict[str, Any], why: str) -> None:
    reply = stand.chat({"text": "Done."}, **fields)
    assert (reply.status_code, why in reply.json()["error"]["message"]) == (400, True)


def test_without_a_model_it_says_what_to_set(stand: Stand) -> None:
    reply = stand.post("/v1/chat/completions", {"model": "mini", "messages": HI})
    assert reply.status_code == 503
    assert "CODEX_AGENT_MODEL" in reply.json()["error"]["message"]


def test_a_script_that_is_not_there_is_no_model(stand: Stand) -> None:
    reply = stand.post("/v1/chat/completions", {"model": "mini:script/none", "messages": HI})
    assert reply.status_code == 404


def asked(stand: Stand, *lines: dict[str, Any], **fields: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The conversation so far where a client's tool is asked for, and the call."""
    reply = stand.chat(*lines, tools=TOOLS, **fields)
    assert reply.json()["choices"][0]["finish_reason"] == "tool_calls"
    told = message(reply)
    return [*HI, {**told}], told["tool_calls"][-1]


def answer(stand: Stand, messages: list[dict[str, Any]], called: dict[str, Any], text: str = "The left one.") -> Any:
    told = {"role": "tool", "tool_call_id": called["id"], "content": text}
    body = {"model": f"mini:script/s{stand.count}", "messages": [*messages, told], "tools": TOOLS}
    return stand.post("/v1/chat/completions", body)


def test_a_clients_tool_is_asked_for_and_its_answer_goes_on_with_the_run(stand: Stand) -> None:
    messages, called = asked(stand, shell("echo 1 > mark"), ASKING, shell("cat mark"), {"text": "{{last_result}}"})
    assert (called["function"]["name"], json.loads(called["function"]["arguments"])) == ("ask_user", {"text": "Which?"})
    told = answer(stand, messages, called).json()
    assert json.loads(told["choices"][0]["message"]["content"])["stdout"] == "1\n"
    assert told["choices"][0]["finish_reason"] == "stop"


def test_the_model_reads_what_the_client_answered(stand: Stand) -> None:
    messages, called = asked(stand, ASKING, {"text": "You said: {{last_result}}"})
    assert message(answer(stand, messages, called))["content"] == "You said: The left one."


def test_each_request_of_a_run_pays_for_itself(stand: Stand) -> None:
    reply = stand.chat(ASKING, {"text": "Done.", "usage": {"prompt_tokens": 4}}, tools=TOOLS)
    assert reply.json()["usage"]["prompt_tokens"] == 3
    told = message(reply)
    assert answer(stand, [*HI, told], told["tool_calls"][0]).json()["usage"]["prompt_tokens"] == 4


def test_a_stream_carries_the_call_whole(stand: Stand) -> None:
    told = chunks(stand.chat(ASKING, tools=TOOLS, stream=True))
    [called] = [delta["tool_calls"] for chunk in told if "tool_calls" in (delta := chunk["choices"][0]["delta"])]
    assert (called[0]["index"], called[0]["function"]["name"]) == (0, "ask_user")
    assert told[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_own_calls_of_the_same_turn_are_made_and_their_results_keep_their_place(stand: Stand) -> None:
    both = {"tool_calls": [call("ask_user", text="Which?"), call("exec_shell", command="echo own")]}
    messages, _ = asked(stand, both, {"text": "{{last_result}}"})
    told = answer(stand, messages, messages[-1]["tool_calls"][0])
    assert json.loads(message(told)["content"])["stdout"] == "own\n"


def test_an_answer_is_taken_once(stand: Stand) -> None:
    messages, called = asked(stand, ASKING, {"text": "Done."})
    assert answer(stand, messages, called).status_code == 200
    again = answer(stand, messages, called)
    assert (again.status_code, "answered already" in again.json()["error"]["message"]) == (404, True)


def test_an_answer_that_is_missing_is_named_and_the_run_waits_on(stand: Stand) -> None:
    two = {"tool_calls": [call("ask_user", text="a"), call("ask_user", text="b")]}
    messages, second = asked(stand, two, {"text": "Done."})
    reply = answer(stand, messages, second)
    assert (reply.status_code, "is missing" in reply.json()["error"]["message"]) == (400, True)
    first = {"role": "tool", "tool_call_id": messages[-1]["tool_calls"][0]["id"], "content": "x"}
    assert answer(stand, [*messages, first], second).status_code == 200


@pytest.mark.parametrize(
    ("call_id", "why"), [("call_other", "belongs to no call that waits"), (None, "is there more than once")]
)
def test_an_answer_too_many_is_named_and_the_run_waits_on(stand: Stand, call_id: str | None, why: str) -> None:
    messages, called = asked(stand, ASKING, {"text": "Done."})
    more = {"role": "tool", "tool_call_id": call_id or called["id"], "content": "x"}
    reply = answer(stand, [*messages, more], called)
    assert (reply.status_code, why in reply.json()["error"]["message"]) == (400, True)
    assert answer(stand, messages, called).status_code == 200


def test_a_model_that_fails_before_it_acted_can_be_asked_again_with_the_same_answer(stand: Stand) -> None:
    error = {"error": {"status": 503, "message": "busy", "retry_after": 0}}
    messages, called = asked(stand, ASKING, error, {"text": "Done."})
    assert answer(stand, messages, called).status_code == 503
    assert message(answer(stand, messages, called))["content"] == "Done."


def test_tool_choice_none_offers_no_tool_of_the_clients(stand: Stand) -> None:
    reply = stand.chat(ASKING, {"text": "{{last_result}}"}, tools=TOOLS, tool_choice="none")
    assert "There is no tool 'ask_user'" in message(reply)["content"]
