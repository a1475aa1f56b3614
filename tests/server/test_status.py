"""What the server says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ..runs.stage import HELLO, Script, hang
from .asked import CHAT, ECHO, USER, ask, within

KEY = {"CODEX_AGENT_SERVER_KEY": "sk-right-key"}
HOLDING = {"authorization": "Bearer sk-right-key"}


@pytest.mark.parametrize("path", ["/health", "/healthz"])
def test_health_needs_no_key_and_answers_any_host(tmp_path: Path, path: str) -> None:
    response = ask(tmp_path, "GET", path, variables=KEY, headers={"host": "10.1.2.3"})
    assert (response.status_code, response.json()) == (200, {"ok": True})


def test_ready_says_only_ok_to_those_without_the_key(tmp_path: Path) -> None:
    assert ask(tmp_path, "GET", "/ready", variables=KEY).json() == {"ok": True}


def test_ready_tells_queue_journal_and_backends_to_those_with_it(tmp_path: Path) -> None:
    told = ask(tmp_path, "GET", "/ready", variables=KEY, headers=HOLDING).json()
    assert told["queue"] == {"running": 0, "waiting": 0, "max_runs": 16, "max_queue": 64}
    assert told["journal"] == {"ok": True, "reason": ""}
    assert set(told["backends"]) == {"codex", "echo", "mini", "replay"} and told["backends"]["replay"]["ok"]
    assert told["sandbox"]["level"] in ("bwrap", "landlock", None)
    assert "CODEX_AGENT_MODEL" in told["backends"]["mini"]["reason"]


def test_a_full_server_is_not_ready_and_says_when_to_come_again(tmp_path: Path) -> None:
    run = {"model": "script", "messages": [USER]}

    async def scene(client: Any) -> None:
        for _ in range(2):
            await client.post("/agent/runs", json=run)
        busy = await client.post(CHAT, json=run)
        assert (busy.status_code, busy.json()["error"]["code"]) == (429, "busy")
        assert int(busy.headers["retry-after"]) >= 1
        ready = await client.get("/ready")
        assert (ready.status_code, ready.json()["ok"]) == (503, False)
        assert (await client.get("/health")).status_code == 200

    limits = {"CODEX_AGENT_MAX_RUNS": "1", "CODEX_AGENT_MAX_QUEUE": "1"}
    within(tmp_path, scene, {"script": Script((hang(),))}, **limits)


def test_models_are_listed_with_whether_they_are_ready(tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text("{}\n")
    variables = {"CODEX_AGENT_RECORDINGS": str(tmp_path)}
    data = ask(tmp_path / "state", "GET", "/v1/models", variables=variables).json()["data"]
    told = {model["id"]: model["ready"] for model in data}
    ready = {"echo": True, "replay:fix-test": True, "replay:hello": True}
    assert told == {**ready, "codex": False, "mini": False, "replay:bad": False}
    assert "bad.jsonl" in next(model for model in data if model["id"] == "replay:bad")["reason"]


@pytest.mark.parametrize("name", ["echo", "replay:hello"])
def test_one_model_is_told_as_in_the_list(tmp_path: Path, name: str) -> None:
    listed = ask(tmp_path, "GET", "/v1/models").json()["data"]
    assert ask(tmp_path, "GET", f"/v1/models/{name}").json() == next(one for one in listed if one["id"] == name)


def test_a_model_that_is_not_ready_says_why(tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text("{}\n")
    variables = {"CODEX_AGENT_RECORDINGS": str(tmp_path)}
    told = ask(tmp_path / "state", "GET", "/v1/models/replay:bad", variables=variables).json()
    assert not told["ready"] and "bad.jsonl" in told["reason"]


@pytest.mark.parametrize("name", ["nobody", "echo:loud", "vendor/model", ""])
def test_a_model_that_there_is_none_of_is_a_404_that_lists_them(tmp_path: Path, name: str) -> None:
    response = ask(tmp_path, "GET", f"/v1/models/{name}")
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (404, "model_not_found", "model")
    assert "There is: codex, echo," in error["message"]


def test_a_path_of_two_methods_lists_both_where_it_refuses_a_third(tmp_path: Path) -> None:
    response = ask(tmp_path, "PUT", "/agent/runs/run_1")
    assert response.status_code == 405
    assert set(response.headers["allow"].split(", ")) == {"DELETE", "GET", "HEAD"}


def test_a_head_is_asked_for_as_what_it_is_the_head_of(tmp_path: Path) -> None:
    assert ask(tmp_path, "HEAD", "/v1/models").status_code == 200


def test_metrics_count_runs_by_backend_and_end(tmp_path: Path) -> None:
    async def scene(client: Any) -> str:
        await client.post(CHAT, json=ECHO)
        return str((await client.get("/metrics")).text)

    text = within(tmp_path, scene)
    assert 'codex_agent_runs_total{backend="echo",stopped_reason="success"} 1' in text
    assert 'codex_agent_tokens_total{backend="echo",kind="prompt"} 3' in text


@pytest.mark.parametrize("header", [{}, {"authorization": "Bearer wrong"}])
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", CHAT), ("GET", "/v1/models"), ("POST", "/agent/run"), ("GET", "/metrics"), ("GET", "/openapi.json")],
)
def test_with_a_key_set_no_other_is_let_in(tmp_path: Path, method: str, path: str, header: dict[str, str]) -> None:
    response = ask(tmp_path, method, path, variables=KEY, headers=header)
    assert (response.status_code, response.json()["error"]["code"]) == (401, "invalid_api_key")


def test_the_document_is_told(tmp_path: Path) -> None:
    assert ask(tmp_path, "GET", "/openapi.json").json()["openapi"].startswith("3.1")


def test_each_ended_run_is_recorded_where_asked(tmp_path: Path) -> None:
    async def scene(client: Any) -> str:
        body = {"model": "script", "messages": [USER]}
        return str((await client.post(CHAT, json=body)).headers["x-codex-agent-run-id"])

    record = {"CODEX_AGENT_RECORD": str(tmp_path / "records")}
    run_id = within(tmp_path / "state", scene, {"script": Script(HELLO)}, **record)
    again = {"CODEX_AGENT_RECORDINGS": str(tmp_path / "records"), "CODEX_AGENT_REPLAY_PACE": "0"}
    body = {"model": f"replay:{run_id}", "messages": [USER]}
    told = ask(tmp_path / "state", "POST", CHAT, variables=again, json=body).json()
    assert told["choices"][0]["message"]["content"] == "Hello"
