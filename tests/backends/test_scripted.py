"""The scripted backend and its ledger: tests count on them, so what they count is tested."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from litellm_codex_agent.backends.backend import NoSuchModel, NotReady, Task
from litellm_codex_agent.backends.events import (
    Done,
    Event,
    Failure,
    FileChange,
    Text,
    Thought,
    ToolCall,
    ToolResult,
    Usage,
)

from .ledger import Ledger
from .playing import SECONDS, told
from .program import ROOT
from .scripted import Crash, Scripted
from .scripts import Case, act, crash, end, fail, forget, hang, hold, leak, linger, pause, refuse, say, think


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.jsonl")


def ask(case: Case, run_id: str = "run_1", **more: Any) -> Task:
    return Task(run_id, "", case.messages, **more)


def test_a_script_is_played_step_by_step_and_counted(ledger: Ledger) -> None:
    case = Case([think("Hm."), act("edit"), act("run"), say("Done.")], usage={"completion_tokens": 1})
    assert told(Scripted(ledger), ask(case)) == [
        Thought("Hm."),
        ToolCall("call_1", "edit"),
        ToolResult("call_1", text="done"),
        ToolCall("call_2", "run"),
        ToolResult("call_2", text="done"),
        Text("Done."),
        Done(usage=Usage(completion_tokens=1)),
    ]
    assert ledger.counts(case.name) == {"started": 1, "effect": 2, "ended": 1}


def test_each_run_of_a_case_has_a_script_of_its_own_and_the_last_one_repeats(ledger: Ledger) -> None:
    case = Case([fail(500)], [say("second")], [say("third")])
    runs = [told(Scripted(ledger), ask(case))[0] for _ in range(4)]
    assert [event.text for event in runs[1:] if isinstance(event, Text)] == ["second", "third", "third"]
    assert runs[0] == Done("model_error", failure=Failure(500, "The model failed."))


def test_what_the_backend_was_given_is_in_the_ledger(ledger: Ledger) -> None:
    case = Case([say("a")])
    told(Scripted(ledger), ask(case, parameters={"seed": 1}, options={"workspace": "/w"}, tenant="t"))
    (entry,) = ledger.entries(case.name, "started")
    assert (entry["parameters"], entry["options"], entry["tenant"]) == ({"seed": 1}, {"workspace": "/w"}, "t")


def after(backend: Scripted, task: Task, wanted: type[Event]) -> None:
    """Close the run once it told such an event."""

    async def leave() -> None:
        events = backend.answer(task)
        async for event in events:
            if isinstance(event, wanted):
                break
        await asyncio.wait_for(events.aclose(), SECONDS)

    asyncio.run(leave())


def test_a_call_that_was_told_is_not_made_before_the_run_is_resumed(ledger: Ledger) -> None:
    case = Case([act()])
    after(Scripted(ledger), ask(case), ToolCall)
    assert ledger.counts(case.name) == {"started": 1, "closed": 1}
    after(Scripted(ledger), ask(case), ToolResult)
    assert ledger.counts(case.name) == {"started": 2, "effect": 1, "closed": 2}


def test_a_run_that_told_its_end_has_ended_however_it_is_left(ledger: Ledger) -> None:
    case = Case([say("a")])
    after(Scripted(ledger), ask(case), Done)
    assert ledger.counts(case.name) == {"started": 1, "ended": 1}


@pytest.mark.parametrize(
    ("step", "done"),
    [
        (refuse(), Done("refused")),
        (end("max_iterations"), Done("max_iterations")),
        (fail(429, retry_after=2, code="x"), Done("model_error", failure=Failure(429, "The model failed.", "x", 2))),
    ],
)
def test_a_script_stops_in_any_way_that_a_run_can(ledger: Ledger, step: dict[str, Any], done: Done) -> None:
    assert told(Scripted(ledger), ask(Case([step, say("never")]))) == [done]


def test_a_script_breaks_the_law_of_backends_where_it_says_so(ledger: Ledger) -> None:
    forgotten, crashed = Case([say("a"), forget()]), Case([act(), crash("Boom.")])
    assert told(Scripted(ledger), ask(forgotten)) == [Text("a")]
    with pytest.raises(Crash, match="Boom"):
        told(Scripted(ledger), ask(crashed))
    assert ledger.counts(crashed.name) == {"started": 1, "effect": 1, "crashed": 1}


@pytest.mark.parametrize("steps", [[hang()], [pause(60)], [linger(0.2), hang()]])
def test_a_run_that_hangs_is_closed_by_a_cancel_and_may_linger(ledger: Ledger, steps: Any) -> None:
    case = Case([think("a"), *steps])

    async def cancel() -> float:
        running = asyncio.ensure_future(_all(Scripted(ledger), ask(case)))
        while not ledger.count(case.name, "started"):
            await asyncio.sleep(0)
        running.cancel()
        began = asyncio.get_running_loop().time()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(running, SECONDS)
        return asyncio.get_running_loop().time() - began

    assert (asyncio.run(cancel()) >= 0.2) == (len(steps) == 2)
    assert ledger.counts(case.name) == {"started": 1, "closed": 1}


def test_a_run_holds_at_its_gate_until_that_is_opened(ledger: Ledger) -> None:
    case = Case([hold("start"), say("a")])

    async def pass_the_gate() -> list[Event]:
        running = asyncio.ensure_future(_all(Scripted(ledger), ask(case)))
        while not ledger.count(case.name, "started"):
            await asyncio.sleep(0)
        ledger.open("another")
        assert not running.done()
        ledger.open("start")
        return await asyncio.wait_for(running, SECONDS)

    assert asyncio.run(pass_the_gate()) == [Text("a"), Done()]


async def _all(backend: Scripted, task: Task) -> list[Event]:
    return [event async for event in backend.answer(task)]


@pytest.mark.parametrize("content", ["hello", "[]", '{"case": "a"}', '{"runs": [[]]}'])
def test_what_is_no_case_is_a_failure_and_no_run(ledger: Ledger, content: str) -> None:
    (done,) = told(Scripted(ledger), Task("run_1", "", [{"role": "user", "content": content}]))
    assert isinstance(done, Done) and done.failure is not None
    assert done.failure.status == 400
    assert ledger.entries() == []


def test_a_case_in_text_parts_is_read_too(ledger: Ledger) -> None:
    case = Case([say("a")])
    parts = [{"type": "text", "text": case.content[:9]}, {"type": "text", "text": case.content[9:]}]
    assert told(Scripted(ledger), Task("run_1", "", [{"role": "user", "content": parts}]))[0] == Text("a")


def test_one_model_is_ready_and_one_is_not(ledger: Ledger) -> None:
    scripted = Scripted(ledger)
    scripted.check("")
    with pytest.raises(NotReady, match="not ready"):
        scripted.check("unready")
    with pytest.raises(NoSuchModel, match="scripted:nobody"):
        scripted.check("nobody")


WRITERS, DEEDS = 3, 100
NOTE = """
import sys
from pathlib import Path
from tests.backends.ledger import Ledger
ledger = Ledger(Path(sys.argv[1]))
print(*(ledger.note("case", "run", "effect") for _ in range(int(sys.argv[2]))))
"""


def test_processes_that_write_at_once_lose_nothing_and_number_every_deed_once(ledger: Ledger) -> None:
    command = [sys.executable, "-c", NOTE, str(ledger.path), str(DEEDS)]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    writers = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) for _ in range(WRITERS)]
    numbers: Counter[int] = Counter()
    for writer in writers:
        numbers.update(map(int, writer.communicate(timeout=SECONDS)[0].split()))
    assert numbers == Counter(range(1, WRITERS * DEEDS + 1))
    assert ledger.wait("case", "effect", WRITERS * DEEDS)
    assert len(ledger.entries()) == WRITERS * DEEDS


def test_threads_that_write_at_once_lose_nothing(ledger: Ledger) -> None:
    threads = [Thread(target=lambda: [ledger.note("c", "r", "effect") for _ in range(50)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert ledger.counts("c") == {"effect": 400}


def test_a_deed_that_does_not_come_is_waited_for_in_vain(ledger: Ledger) -> None:
    assert not ledger.wait("case", "effect", seconds=0.05)


def test_a_script_that_leaks_tells_what_it_was_given_in_every_kind_of_event(ledger: Ledger) -> None:
    events = told(Scripted(ledger), ask(Case([leak()]), options={"workspace": "/secret"}))
    assert {type(event) for event in events} == {Thought, ToolCall, ToolResult, FileChange, Text, Done}
    assert "".join(event.text for event in events if isinstance(event, Text)) == '{"workspace": "/secret"}'


def test_a_failure_may_quote_a_variable_of_the_servers(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPSTREAM_KEY", "sk-upstream")
    (done,) = told(Scripted(ledger), ask(Case([fail(401, message="no such key: $UPSTREAM_KEY")])))
    assert isinstance(done, Done) and done.failure is not None and done.failure.message == "no such key: sk-upstream"
    with pytest.raises(Crash, match="sk-upstream"):
        told(Scripted(ledger), ask(Case([crash("with $UPSTREAM_KEY")])))
    with pytest.raises(Crash, match="sk-upstream"):
        Scripted(ledger).check("broken")
