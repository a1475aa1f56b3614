"""The mini-agent as an operator sets it up: wall, model, traces, tenants, and how long a run waits for its client."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from litellm_codex_agent.agent.setup import setup
from litellm_codex_agent.settings import server

from .stand import HI, NO_WALL, Stand, call, shell, standing
from .test_mini_chat import ASKING, TOOLS

MASKED = "sk-…LpQs"
SECRET = "sk-proj-Zq3vT8mN1xK5wR7yB2cD4fG6hJ9aLpQs"
WAIT_SECONDS = 20.0


def test_without_a_wall_a_run_that_wants_tools_says_so(tmp_path: Path) -> None:
    with standing(tmp_path, **NO_WALL) as stand:
        told = stand.run(shell("echo 1"), {"text": "Done."}, use_tools=True)
        assert (told["ok"], told["stopped_reason"], told["error"]["status"]) == (False, "sandbox_unavailable", 422)
        ready = stand.client.get("/ready").json()
        assert (ready["sandbox"]["level"], ready["sandbox"]["reason"]) == (None, told["error"]["message"])
        assert "bubblewrap" in told["error"]["message"]


def test_without_a_wall_no_tools_are_offered(tmp_path: Path) -> None:
    with standing(tmp_path, **NO_WALL) as stand:
        told = stand.run({"text": "Done.", **shell("echo 1")})
        assert (told["final_answer"], told["metrics"]["isolation"], told["metrics"]["tool_calls"]) == ("Done.", None, 0)


def test_no_wall_at_all_has_to_be_named_and_is_told(tmp_path: Path) -> None:
    with standing(tmp_path, CODEX_AGENT_SANDBOX="none") as stand:
        told = stand.run(shell("echo 1"), {"text": "{{last_result}}"})
        assert (told["metrics"]["isolation"], json.loads(told["final_answer"])["isolation"]) == ("none", "none")
        assert stand.client.get("/ready").json()["sandbox"]["level"] == "none"


def test_the_operators_model_is_that_of_mini(tmp_path: Path) -> None:
    with standing(tmp_path, CODEX_AGENT_MODEL="script/s1") as stand:
        stand.script({"text": "Mine."})
        for body in ({"model": "mini", "messages": HI}, {"model": "mini", "messages": HI, "use_tools": False}):
            assert stand.post("/agent/run", body).json()["final_answer"] == "Mine."
        assert stand.client.get("/v1/models/mini").json()["ready"] is True


def test_an_escalation_to_chutes_can_be_left_out_and_says_so(tmp_path: Path) -> None:
    with standing(tmp_path, NDSMOKE_SHORTCIRCUIT_CHUTES="1") as stand:
        asked = {"escalate_on_budget_exceeded": True, "escalate_model": "chutes/big", "max_iterations": 1}
        told = stand.run(shell("echo 1"), {"text": "The small one's."}, **asked)
    assert (told["final_answer"], told["stopped_reason"]) == ("The small one's.", "max_iterations")
    metrics = told["metrics"]
    assert (metrics["escalated"], metrics["used_model"], metrics["ignored"]) == (False, "script/s1", ["escalate_model"])


def test_a_directory_that_is_not_there_is_told_at_the_start(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    given = {"CODEX_AGENT_WORKSPACES": f"{tmp_path},{tmp_path}/no", "CODEX_AGENT_SCRIPTS": f"{tmp_path}/none"}
    config = server({**given, "CODEX_AGENT_STATE": str(tmp_path), "CODEX_AGENT_SANDBOX": "none"})
    asyncio.run(setup(config.mini, tmp_path, max_seconds=1.0))
    assert [record.getMessage().split(",")[0] for record in caplog.records] == [
        f"CODEX_AGENT_WORKSPACES names {tmp_path}/no",
        f"CODEX_AGENT_SCRIPTS names {tmp_path}/none",
    ]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_each_run_is_a_line_of_the_trace_with_whole_output(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    with standing(tmp_path, MINI_AGENT_STORE_TRACES="1", MINI_AGENT_STORE_PATH=str(path)) as stand:
        told = stand.run(shell("yes | head -c 100000"), {"text": "Done."})
        stand.run({"error": {"status": 500, "message": "broken"}})
    first, second = lines(path)
    assert (first["run_id"], first["stopped_reason"]) == (told["run_id"], "success")
    assert len(first["tools"][0]["result"]["stdout"]) == 100_000
    assert (second["stopped_reason"], second["error"]["message"]) == ("model_error", "broken")


def test_a_trace_that_cannot_be_written_breaks_no_answer(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with standing(tmp_path, MINI_AGENT_STORE_TRACES="1", MINI_AGENT_STORE_PATH=str(tmp_path / "file" / "t")) as stand:
        assert stand.run({"text": "Done."})["final_answer"] == "Done."


def test_a_secret_in_a_tools_output_reaches_neither_model_client_nor_trace(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    with standing(tmp_path, MINI_AGENT_STORE_TRACES="1", MINI_AGENT_STORE_PATH=str(path)) as stand:
        halves = f"printf %s%s {SECRET[:20]} {SECRET[20:]}"
        say = shell(f"{halves} | tee leaked", f"{halves} >&2", "cat leaked; exit 1")
        reply = stand.post("/v1/chat/completions", {"model": f"mini:{stand.script(say, SAYS)}", "messages": HI})
        run = stand.run(say, SAYS)
        events = stand.client.get(f"/agent/runs/{run['run_id']}/events").text
    for told in (reply.text, json.dumps(run), events, path.read_text()):
        assert SECRET not in told
        assert MASKED in told or json.dumps(MASKED)[1:-1] in told


SAYS = {"text": "It says {{last_result}}"}


def parked(stand: Stand) -> tuple[dict[str, Any], Path]:
    """What a run says that waits for its client, and where it works."""
    line = {"tool_calls": [call("exec_shell", command="pwd"), call("ask_user", text="Which?")]}
    told = stand.chat(line, {"text": "Done."}, tools=TOOLS).json()["choices"][0]["message"]
    return {**told, "tool_calls": told["tool_calls"][-1:]}, Path(told["reasoning_content"].split("[ok] ")[1].strip())


def test_a_run_waits_for_its_client_for_its_time_and_no_longer(tmp_path: Path) -> None:
    with standing(tmp_path, CODEX_AGENT_PARK_SECONDS="0.5") as stand:
        told, workspace = parked(stand)
        deadline = time.monotonic() + WAIT_SECONDS
        while workspace.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert answered(stand, told).status_code == 404
        assert not workspace.exists()


def answered(stand: Stand, told: dict[str, Any], **headers: str) -> Any:
    result = {"role": "tool", "tool_call_id": told["tool_calls"][0]["id"], "content": "x"}
    body = {"model": "mini:script/s1", "messages": [*HI, told, result], "tools": TOOLS}
    return stand.post("/v1/chat/completions", body, **headers)


def test_nobody_answers_another_tenants_call(tmp_path: Path) -> None:
    key = {"authorization": "Bearer sk-of-the-server-1234567"}
    with standing(tmp_path, CODEX_AGENT_SERVER_KEY="sk-of-the-server-1234567") as stand:
        mine, yours = ({**key, "x-codex-agent-tenant": tenant} for tenant in ("mine", "yours"))
        body = {"model": f"mini:{stand.script(ASKING, {'text': 'Done.'})}", "messages": HI, "tools": TOOLS}
        told = stand.post("/v1/chat/completions", body, **mine).json()["choices"][0]["message"]
        assert answered(stand, told, **yours).status_code == 404
        assert answered(stand, told, **mine).json()["choices"][0]["message"]["content"] == "Done."


def test_a_server_that_stops_leaves_no_workspace_of_a_run_that_waits(tmp_path: Path) -> None:
    with standing(tmp_path) as stand:
        _, workspace = parked(stand)
        assert workspace.exists()
    assert not workspace.exists()


def test_a_config_that_is_not_there_is_a_model_that_is_not_ready(tmp_path: Path) -> None:
    config = str(tmp_path / "none.yaml")
    with standing(tmp_path, CODEX_AGENT_MODEL="gpt", CODEX_AGENT_ROUTER_CONFIG=config) as stand:
        told = stand.client.get("/v1/models/mini").json()
        assert (told["ready"], "none.yaml" in told["reason"]) == (False, True)
