"""The mini-agent as a call from Python, and as a backend in this process: what a server's tests see from outside."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from litellm_codex_agent.agent import arun, run
from tests.server.asked import within

from .stand import HI, call, shell
from .test_mini_chat import ASKING, TOOLS

CHAT = "/v1/chat/completions"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CODEX_AGENT_SCRIPTS", str(tmp_path))
    monkeypatch.setenv("CODEX_AGENT_STATE", str(tmp_path / "state"))
    return tmp_path


def script(folder: Path, *lines: dict[str, Any], name: str = "a") -> str:
    (folder / f"{name}.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return f"script/{name}"


def test_a_call_gives_the_envelope_of_a_run(folder: Path) -> None:
    told = run(HI, model=script(folder, shell("echo 1"), {"text": "Done."}))
    assert (told["ok"], told["final_answer"], told["stopped_reason"]) == (True, "Done.", "success")
    assert told["messages"][0] == HI[0] and told["metrics"]["tool_calls"] == 1


def test_it_can_be_awaited_where_there_is_a_loop(folder: Path) -> None:
    model = script(folder, {"text": "Done."})

    async def both() -> list[dict[str, Any]]:
        return list(await asyncio.gather(*(arun(HI, model=model, tool_backend="router") for _ in range(2))))

    assert [told["final_answer"] for told in asyncio.run(both())] == ["Done.", "Done."]


def test_inside_a_loop_it_names_the_one_that_can_be_awaited() -> None:
    async def scene() -> None:
        run(HI, model="echo")

    with pytest.raises(RuntimeError, match="await arun"):
        asyncio.run(scene())


def test_the_echo_is_a_model_of_its_own() -> None:
    assert run(HI, model="echo")["final_answer"] == "hi"


def test_an_echo_asks_no_model() -> None:
    told = run(HI, model="dummy", tool_backend="echo", max_iterations=3)
    assert (told["final_answer"], told["metrics"]["ignored"]) == ("hi", ["budgets.max_iterations"])


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"colour": "red"}, "colour"),
        ({"max_iterations": 0}, "max_iterations"),
        ({"tool_backend": "http"}, "base_url"),
        ({"messages": "hi"}, "has to be a list, as in"),
        ({"tool_http_headers": {"a": {1}}}, "such as JSON can say"),
        ({"workspace": "repo"}, "absolute path"),
        ({"escalate_on_budget_exceeded": True, "escalate_model": "script/no"}, "escalate_model"),
    ],
)
def test_what_cannot_be_asked_is_a_value_error_that_names_it(folder: Path, fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        run(**{"messages": HI, "model": "script/a", **fields})


@pytest.mark.parametrize(
    ("lines", "fields", "reason", "status"),
    [
        ([{"error": {"status": 429, "message": "busy"}}], {}, "model_error", 429),
        ([shell("date +%N") | {"again": True}], {"max_iterations": 1}, "max_iterations", 422),
        ([{"text": "[1]"}, {"text": "[1]"}], {"response_format": {"type": "json_object"}}, "model_error", 502),
        ([{"text": "x"}], {"workspace": "/nowhere"}, "model_error", 400),
        ([{"text": "x"}], {"tool_backend": "http", "tool_http_base_url": "http://127.0.0.1:9"}, "model_error", 400),
    ],
)
def test_a_run_that_failed_is_told_by_its_envelope(
    folder: Path, lines: list[dict[str, Any]], fields: dict[str, Any], reason: str, status: int
) -> None:
    told = run(HI, model=script(folder, *lines), **fields)
    assert (told["ok"], told["stopped_reason"], told["error"]["status"]) == (False, reason, status)


def test_an_escalation_ends_it_by_the_other_model(folder: Path) -> None:
    stronger = script(folder, {"text": "Strong."}, name="b")
    asked = {"max_iterations": 1, "escalate_on_budget_exceeded": True, "escalate_model": stronger}
    told = run(HI, model=script(folder, shell("echo 1")), **asked)
    assert (told["final_answer"], told["metrics"]["used_model"]) == ("Strong.", "script/b")


def test_a_run_that_waits_for_its_client_goes_on_in_this_process_too(folder: Path) -> None:
    body = {"model": f"mini:{script(folder, ASKING, {'text': 'You said {{last_result}}'})}", "tools": TOOLS}

    async def scene(client: Any) -> list[Any]:
        first = (await client.post(CHAT, json={**body, "messages": HI})).json()["choices"][0]["message"]
        result = {"role": "tool", "tool_call_id": first["tool_calls"][0]["id"], "content": "left"}
        again = {**body, "messages": [*HI, first, result, {"role": "user", "content": "quickly"}]}
        return [await client.post(CHAT, json=again) for _ in range(2)]

    answered, late = within(folder / "server", scene, CODEX_AGENT_SCRIPTS=str(folder))
    assert answered.json()["choices"][0]["message"]["content"] == "You said left"
    assert (late.status_code, late.json()["error"]["code"]) == (404, "tools_unavailable")


def test_what_is_told_of_a_stream_of_a_client_s_call(folder: Path) -> None:
    both = {"tool_calls": [call("ask_user", text="a"), call("ask_user", text="b")]}
    body = {"model": f"mini:{script(folder, both)}", "tools": TOOLS, "messages": HI, "stream": True}

    async def scene(client: Any) -> str:
        return str((await client.post(CHAT, json=body)).text)

    told = within(folder / "server", scene, CODEX_AGENT_SCRIPTS=str(folder))
    chunks = [json.loads(line[6:]) for line in told.splitlines() if line.startswith("data: {")]
    deltas = [chunk["choices"][0]["delta"].get("tool_calls") for chunk in chunks]
    assert [each[0]["index"] for each in deltas if each] == [0, 1]
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_traces_are_kept_by_a_call_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINI_AGENT_STORE_TRACES", "1")
    monkeypatch.setenv("MINI_AGENT_STORE_PATH", str(folder / "t.jsonl"))
    told = run(HI, model=script(folder, {"text": "Done."}))
    [line] = (folder / "t.jsonl").read_text().splitlines()
    assert (json.loads(line)["run_id"], json.loads(line)["stopped_reason"]) == (told["run_id"], "success")
