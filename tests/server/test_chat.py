"""/v1/chat/completions: what any OpenAI client may ask, and what it says to one that asks wrongly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from litellm_codex_agent.backends.events import Done, FileChange, Text, Thought, ToolCall, ToolResult, Usage

from ..runs.stage import ACT, BUSY, HELLO, Script
from .asked import CHAT, ECHO, USER, ask, events, within

FULL = (
    Thought("I look."),
    ToolCall("1", "exec", "ls"),
    ToolResult("1", True, "a"),
    FileChange("a", "added"),
    Text("It is "),
    Text("done."),
    Done(usage=Usage(3, 4, 0.25, 2, 1), metrics={"iterations": 2}),
)
AGENT = {
    "stopped_reason": "success",
    "files": [{"path": "a", "kind": "added"}],
}


def script(*steps: Any) -> dict[str, Script]:
    return {"script": Script(steps)}


def asked(tmp_path: Path, *steps: Any, headers: Any = None, **fields: Any) -> Any:
    body = {"model": "script", "messages": [USER], **fields}
    return ask(tmp_path, "POST", CHAT, backends=script(*steps), json=body, headers=headers)


@pytest.mark.parametrize("path", [CHAT, "/chat/completions"])
def test_a_whole_answer_has_text_steps_usage_and_cost(tmp_path: Path, path: str) -> None:
    body = {"model": "script", "messages": [USER]}
    response = ask(tmp_path, "POST", path, backends=script(*FULL), json=body)
    told = response.json()
    message = told["choices"][0]["message"]
    assert message["content"] == "It is done."
    assert message["reasoning_content"] == "I look.\n[exec] ls\n[ok] a\n[added] a\n"
    assert told["usage"]["cost"] == 0.25 and told["usage"]["prompt_tokens_details"] == {"cached_tokens": 2}
    assert told["codex_agent"]["run_id"] == response.headers["x-codex-agent-run-id"]
    assert {**told["codex_agent"], **AGENT} == told["codex_agent"]
    assert (told["codex_agent"]["metrics"]["iterations"], told["codex_agent"]["metrics"]["tool_calls"]) == (2, 1)


def test_a_stream_tells_each_step_as_a_thought_and_then_the_answer(tmp_path: Path) -> None:
    told = events(asked(tmp_path, *FULL, stream=True).content)
    deltas = [chunk["choices"][0]["delta"] for _, _, chunk in told]
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert "".join(delta.get("reasoning_content", "") for delta in deltas) == "I look.\n[exec] ls\n[ok] a\n[added] a\n"
    assert "".join(delta.get("content", "") for delta in deltas) == "It is done."
    assert [int(number) for _, number, _ in told] == [1, 1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_callers_own_key_is_in_no_answer(tmp_path: Path, scheme: str) -> None:
    key = "sk-key-of-the-caller-1234"
    answer = asked(tmp_path, Text(f"It is {key}."), Done(), headers={"authorization": f"{scheme} {key}"}).json()
    assert answer["choices"][0]["message"]["content"] == "It is sk-…1234."


def test_a_stream_ends_with_its_finish_and_what_the_run_was(tmp_path: Path) -> None:
    last = events(asked(tmp_path, *FULL, stream=True).content)[-1][2]
    assert last["choices"][0]["finish_reason"] == "stop" and "usage" not in last
    assert {**last["codex_agent"], **AGENT} == last["codex_agent"]


def test_usage_with_cost_streams_to_those_who_ask(tmp_path: Path) -> None:
    response = asked(tmp_path, *FULL, stream=True, stream_options={"include_usage": True})
    last = events(response.content)[-1][2]
    assert last["choices"] == [] and last["usage"]["cost"] == 0.25


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("reason", "finish"), [("budget", "length"), ("refused", "content_filter")])
def test_an_answer_that_was_cut_says_so(tmp_path: Path, stream: bool, reason: str, finish: str) -> None:
    response = asked(tmp_path, Text("half"), Done(reason), stream=stream)
    last = events(response.content)[-1][2] if stream else response.json()
    assert last["choices"][0]["finish_reason"] == finish


@pytest.mark.parametrize("stream", [False, True])
def test_a_failure_before_the_first_word_is_a_status_with_its_retry_after(tmp_path: Path, stream: bool) -> None:
    response = asked(tmp_path, BUSY, stream=stream)
    assert (response.status_code, response.headers["retry-after"]) == (429, "3")
    assert response.json()["error"]["message"] == "slow down"
    assert response.headers["x-codex-agent-run-id"].startswith("run_")


def test_a_failure_after_the_first_act_is_a_422(tmp_path: Path) -> None:
    response = asked(tmp_path, *ACT, BUSY)
    assert (response.status_code, response.json()["error"]["code"]) == (422, "run_failed")
    assert "retry-after" not in response.headers


def test_a_failure_inside_a_stream_is_an_error_event_and_an_end(tmp_path: Path) -> None:
    name, _, told = events(asked(tmp_path, *ACT, BUSY, stream=True).content)[-1]
    assert (name, told["error"]["code"], told["error"]["status"]) == ("error", "run_failed", 422)


def test_a_retry_of_a_failed_run_is_a_status_though_it_streams(tmp_path: Path) -> None:
    async def scene(client: Any) -> list[int]:
        body = {"model": "script", "messages": [USER], "stream": True}
        headers = [{"idempotency-key": "k", "x-codex-agent-attempt": str(attempt)} for attempt in (0, 1)]
        return [(await client.post(CHAT, json=body, headers=each)).status_code for each in headers]

    assert within(tmp_path, scene, script(*ACT, BUSY)) == [200, 422]


def test_a_retry_is_given_what_the_first_attempt_was_told(tmp_path: Path) -> None:
    async def scene(client: Any) -> list[Any]:
        body = {"model": "script", "messages": [USER]}
        headers = [{"idempotency-key": "k", "x-codex-agent-attempt": str(attempt)} for attempt in (0, 1)]
        return [(await client.post(CHAT, json=body, headers=each)).json() for each in headers]

    first, second = within(tmp_path, scene, script(*HELLO))
    assert first == second


def test_another_body_under_a_key_is_a_422(tmp_path: Path) -> None:
    async def scene(client: Any) -> Any:
        headers = {"idempotency-key": "k"}
        await client.post(CHAT, json=ECHO, headers=headers)
        return await client.post(CHAT, json={**ECHO, "user": "another"}, headers=headers)

    response = within(tmp_path, scene)
    assert (response.status_code, response.json()["error"]["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize("header", ["x-codex-agent-attempt", "x-codex-agent-retries-left", "x-stainless-retry-count"])
@pytest.mark.parametrize("value", ["", "-1", "one", "1.5", "9" * 40])
def test_a_count_that_is_none_is_refused_by_name(tmp_path: Path, header: str, value: str) -> None:
    error = ask(tmp_path, "POST", CHAT, json=ECHO, headers={header: value}).json()["error"]
    assert error["param"] == header


@pytest.mark.parametrize("header", ["idempotency-key", "x-codex-agent-session-id"])
@pytest.mark.parametrize("value", ["", "k" * 600], ids=["empty", "beyond all length"])
def test_a_name_that_is_none_is_refused(tmp_path: Path, header: str, value: str) -> None:
    response = ask(tmp_path, "POST", CHAT, json=ECHO, headers={header: value})
    assert (response.status_code, response.json()["error"]["param"]) == (400, header)


@pytest.mark.parametrize(
    ("body", "param", "words"),
    [
        (b"{oops", None, "JSON"),
        (b'{"messages": []}', "model", "`model`"),
        (b'{"model": "echo", "messages": []}', "messages", "`messages`"),
        (b'{"model": "echo", "messages": ["hi"]}', "messages[0]", "`messages[0]`"),
    ],
)
def test_a_wrong_body_is_a_400_that_names_the_field(tmp_path: Path, body: bytes, param: str, words: str) -> None:
    response = ask(tmp_path, "POST", CHAT, content=body, headers={"content-type": "application/json"})
    error = response.json()["error"]
    assert response.status_code == 400 and error["param"] == param and words in error["message"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 2}, "n"),
        ({"audio": {"voice": "x", "format": "wav"}}, "audio"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"codex_agent": {"workspace": "/tmp"}}, "codex_agent.workspace"),
        ({"sing": True}, "sing"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(tmp_path: Path, fields: dict[str, Any], param: str) -> None:
    response = ask(tmp_path, "POST", CHAT, json={**ECHO, **fields})
    assert (response.status_code, response.json()["error"]["param"]) == (400, param)


def test_what_changes_nothing_is_listed(tmp_path: Path) -> None:
    told = ask(tmp_path, "POST", CHAT, json={**ECHO, "n": 1, "store": True, "user": "me", "temperature": 0.5}).json()
    assert told["codex_agent"]["metrics"]["ignored"] == ["store", "temperature", "user"]


@pytest.mark.parametrize("model", ["nobody", "echo:loud", "replay", "replay:nobody", "replay:../hello"])
def test_an_unknown_model_is_a_404_that_lists_what_there_is(tmp_path: Path, model: str) -> None:
    response = ask(tmp_path, "POST", CHAT, json={**ECHO, "model": model})
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (404, "model_not_found", "model")
    assert "There is: codex, echo, mini, replay:fix-test, replay:hello." in error["message"]


def test_a_backend_that_is_not_ready_is_a_503_with_the_fix(tmp_path: Path) -> None:
    broken = tmp_path / "recordings"
    broken.mkdir()
    (broken / "bad.jsonl").write_text("{}\n")
    variables = {"CODEX_AGENT_RECORDINGS": str(broken)}
    response = ask(tmp_path / "state", "POST", CHAT, variables=variables, json={**ECHO, "model": "replay:bad"})
    assert (response.status_code, response.json()["error"]["code"]) == (503, "not_ready")
    assert "bad.jsonl is broken in line 1" in response.json()["error"]["message"]


@pytest.mark.parametrize("stream", [False, True])
def test_half_a_surrogate_pair_in_what_an_agent_tells_breaks_no_answer(tmp_path: Path, stream: bool) -> None:
    half = "\ud83d and \u20ac"
    steps = (Thought(half), ToolCall("1", "exec", half), ToolResult("1", True, half), Text(half), Done())
    body = asked(tmp_path, *steps, stream=stream).content.decode()
    assert body.count("? and €") == 4 if stream else "? and €" in body


@pytest.mark.parametrize("header", ["idempotency-key", "x-codex-agent-attempt", "x-codex-agent-retries-left"])
def test_a_header_of_identity_that_came_twice_is_refused_by_name(tmp_path: Path, header: str) -> None:
    response = ask(tmp_path, "POST", CHAT, json=ECHO, headers=[(header, "1"), (header, "2")])
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (400, "header_not_single", header)
