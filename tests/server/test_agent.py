"""/agent/run and /agent/runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from litellm_codex_agent.runs.state import JOURNAL

from ..runs import test_journal as journal
from ..runs.stage import ACT, BUSY, HELLO, Script, hang
from .asked import USER, ask, events, within

RUN = {"model": "script", "messages": [USER]}


def test_a_run_is_answered_with_its_envelope(tmp_path: Path) -> None:
    told = ask(tmp_path, "POST", "/agent/run", backends={"script": Script((*ACT, *HELLO))}, json=RUN).json()
    assert (told["ok"], told["final_answer"], told["stopped_reason"]) == (True, "Hello", "success")
    assert told["messages"] == [USER, {"role": "assistant", "content": "Hello"}]
    assert told["last_tool_invocation"] == {"id": "c1", "name": "exec", "text": "touch x", "ok": True, "result": "done"}


def test_the_seeds_first_example_runs(tmp_path: Path) -> None:
    body = {"model": "dummy", "tool_backend": "echo", "messages": [{"role": "user", "content": "hi"}]}
    told = ask(tmp_path, "POST", "/agent/run", json=body).json()
    assert (told["ok"], told["final_answer"]) == (True, "hi")


def test_a_failure_never_looks_like_an_answer(tmp_path: Path) -> None:
    response = ask(tmp_path, "POST", "/agent/run", backends={"script": Script((*HELLO[:2], BUSY))}, json=RUN)
    told = response.json()
    assert (response.status_code, told["ok"], told["final_answer"]) == (200, False, None)
    assert told["error"]["message"] == "slow down" and told["error"]["status"] == 429


def test_events_stream_with_their_numbers_and_end_with_the_envelope(tmp_path: Path) -> None:
    headers = {"accept": "text/event-stream"}
    body = ask(tmp_path, "POST", "/agent/run", backends={"script": Script(HELLO)}, json=RUN, headers=headers).content
    told = events(body)
    assert [(name, number) for name, number, _ in told] == [
        ("thought", "1"), ("text", "2"), ("text", "3"), ("done", "4"), ("envelope", "4"),
    ]  # fmt: skip
    assert told[-1][2]["final_answer"] == "Hello"


@pytest.mark.parametrize(
    ("fields", "status", "param"),
    [
        ({"sing": 1}, 422, "sing"),
        ({"max_iterations": "many"}, 422, "max_iterations"),
        ({"model": None}, 422, "model"),
        ({"tool_backend": "http"}, 400, "tool_http_base_url"),
        ({"escalate_model": "x"}, 400, "escalate_model"),
        ({"workspace": "/tmp"}, 400, "workspace"),
        ({"model": "nobody"}, 404, "model"),
    ],
)
def test_a_wrong_run_is_refused_by_name(tmp_path: Path, fields: dict[str, Any], status: int, param: str) -> None:
    response = ask(tmp_path, "POST", "/agent/run", backends={"script": Script(HELLO)}, json={**RUN, **fields})
    assert (response.status_code, response.json()["error"]["param"]) == (status, param)


def test_a_run_that_outlives_its_request_is_begun_watched_and_ends(tmp_path: Path) -> None:
    async def scene(client: Any) -> None:
        begun = await client.post("/agent/runs", json=RUN)
        where = begun.headers["location"]
        assert (begun.status_code, begun.json()["status"]) == (202, "queued")
        watched = events((await client.get(f"{where}/events", headers={"last-event-id": "2"})).content)
        assert [number for _, number, _ in watched] == ["3", "4", "4"]
        told = (await client.get(where)).json()
        assert (told["status"], told["last_event"], told["envelope"]["final_answer"]) == ("ended", 4, "Hello")

    within(tmp_path, scene, {"script": Script(HELLO)})


def test_a_run_is_cancelled_and_its_backend_closed(tmp_path: Path) -> None:
    script = Script((hang(),))

    async def scene(client: Any) -> None:
        where = (await client.post("/agent/runs", json=RUN)).headers["location"]
        told = (await client.delete(where)).json()
        assert (told["status"], told["stopped_reason"]) == ("ended", "cancelled")
        assert (await client.delete(where)).json() == told

    within(tmp_path, scene, {"script": script})
    assert len(script.begun) == len(script.closed)


@pytest.mark.parametrize("path", ["", "/events"])
def test_a_run_that_is_not_there_is_a_404(tmp_path: Path, path: str) -> None:
    response = ask(tmp_path, "GET", f"/agent/runs/run_none{path}")
    assert (response.status_code, response.json()["error"]["code"]) == (404, "run_not_found")


@pytest.mark.parametrize("seen", ["4", "999"])
def test_who_has_heard_the_end_is_told_that_there_is_no_more(tmp_path: Path, seen: str) -> None:
    async def scene(client: Any) -> Any:
        where = (await client.post("/agent/runs", json=RUN)).headers["location"]
        await client.get(f"{where}/events")
        return await client.get(f"{where}/events", headers={"last-event-id": seen})

    told = within(tmp_path, scene, {"script": Script(HELLO)})
    assert told.headers["content-type"] == "text/event-stream"
    assert events(told.content) == []


def test_who_has_heard_what_a_crash_took_along_is_told_the_end(tmp_path: Path) -> None:
    journal.within(tmp_path / JOURNAL, lambda opened: opened.add(journal.row("run_1", tenant="")))
    headers = {"last-event-id": "9"}
    told = events(ask(tmp_path, "GET", "/agent/runs/run_1/events", headers=headers).content)
    assert [name for name, _, _ in told] == ["done", "envelope"]
    assert told[1][2]["stopped_reason"] == "interrupted"


@pytest.mark.parametrize("value", ["", "x", "9" * 40])
def test_a_wrong_last_event_id_is_refused_by_name(tmp_path: Path, value: str) -> None:
    async def scene(client: Any) -> Any:
        where = (await client.post("/agent/runs", json=RUN)).headers["location"]
        return await client.get(f"{where}/events", headers={"last-event-id": value})

    error = within(tmp_path, scene, {"script": Script(HELLO)}).json()["error"]
    assert error["param"] == "last-event-id"


def test_what_ended_is_still_told_after_a_restart(tmp_path: Path) -> None:
    async def begin(client: Any) -> str:
        where = str((await client.post("/agent/runs", json=RUN)).headers["location"])
        await client.get(f"{where}/events")
        return where

    where = within(tmp_path, begin, {"script": Script(HELLO)})
    told = within(tmp_path, lambda client: client.get(where), {"script": Script(HELLO)}).json()
    assert told["envelope"]["final_answer"] == "Hello"
