"""The server as a process: what tests of whole servers build on."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from .program import Program, running
from .scripts import Case, act, hang, say
from .tree import processes_of


def chat(messages: list[dict[str, Any]], model: str = "scripted", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": messages, **more}


def ask(program: Program, case: Case) -> str:
    with program.client() as client:
        reply = client.post("/v1/chat/completions", json=chat(case.messages))
    return str(reply.json()["choices"][0]["message"]["content"])


def test_a_server_that_does_not_come_up_is_told_with_what_it_printed(tmp_path: Path) -> None:
    said = "The server did not come up:(.|\\n)*MINI_AGENT_API_PORT"
    with pytest.raises(AssertionError, match=said), running(tmp_path, MINI_AGENT_API_PORT="no"):
        pass


def test_a_server_plays_cases_is_counted_from_outside_and_stops_when_told(tmp_path: Path) -> None:
    case = Case([act(), say("Done.")])
    with running(tmp_path) as program:
        assert ask(program, case) == "Done."
        assert program.ledger.counts(case.name) == {"started": 1, "effect": 1, "ended": 1}
        program.signal(signal.SIGTERM)
        assert program.wait() == 0


def test_a_server_that_is_killed_comes_up_again_on_its_state_and_its_ledger(tmp_path: Path) -> None:
    case = Case([act(), hang()], [say("Again.")])
    asked = chat(case.messages, stream=True)
    with (
        running(tmp_path) as program,
        program.client() as client,
        client.stream("POST", "/v1/chat/completions", json=asked),
    ):
        assert program.ledger.wait(case.name, "effect")
        program.kill()
    with running(tmp_path) as program:
        assert ask(program, case) == "Again."
        assert program.ledger.counts(case.name) == {"started": 2, "effect": 1, "ended": 1}


def test_a_client_that_leaves_takes_the_tree_of_its_run_along(tmp_path: Path) -> None:
    asked = chat([{"role": "user", "content": "a tree"}], model="tree", stream=True)
    with running(tmp_path) as program, program.client() as client:
        with client.stream("POST", "/v1/chat/completions", json=asked):
            assert program.ledger.wait("a tree", "started")
            (started,) = program.ledger.entries("a tree", "started")
            assert set(started["pids"]) <= set(processes_of(started["run_id"]))
        assert program.ledger.wait("a tree", "closed")
        assert processes_of(started["run_id"]) == []
