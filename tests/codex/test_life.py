"""However a run of Codex ends in mid-command, and whatever ends its server: nothing that it started lives on.

Each command leaves children that hear no polite signal, one in a session of its own and one that has left twice.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import litellm
import pytest

from ..e2e.figures import line
from ..e2e.leaving import Client, asking
from ..endpoint import Endpoint, Lane
from ..responses_endpoint import USAGE, Act, conversations, say, script_of, shell, turn
from ..sandbox.stage import alive
from .house import LEVELS, SOON, Codex, Scripts, chat, come, each_wall, living, many, served, straying, working

# In all, and how many of them at once.
RUNS = many(2, 50)
AT_ONCE = many(2, 5)
# Of a run that is to end by its time: enough to begin, with five others, on a busy machine.
SECONDS = {"landlock": many(3, 6), "bwrap": 15}
# From the cause to the death of all that a run has started.
DEATH_SECONDS = 10.0


def tokens(count: int) -> list[str]:
    return [f"stray-{uuid.uuid4().hex}" for _ in range(count)]


def script(name: str) -> list[Act]:
    if name.startswith("stray"):
        return [turn(shell(straying(name))), turn(say("It came to an end."))]
    if name.startswith("waits"):
        return [turn(hang=SOON)]
    return [turn(shell("echo x > a")), turn(say("Done."))]


@pytest.fixture
def lane(endpoint: Endpoint) -> Lane:
    return endpoint.lane(conversations(Scripts(script)))


def dead(marks: list[str], since: Callable[[], float]) -> list[float]:
    """How long each took to be dead, from its cause; within bounds, or it is a failure."""
    seconds = {}
    deadline = time.monotonic() + DEATH_SECONDS
    while len(seconds) < len(marks):
        assert time.monotonic() < deadline, [alive(mark) for mark in marks]
        for mark in set(marks) - set(seconds):
            if not alive(mark):
                seconds[mark] = time.monotonic() - since()
    return list(seconds.values())


def tell(title: str, seconds: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    if many(0, 1):
        with capsys.disabled():
            print(f"\n{line(title, seconds)}")


# The ways of a run to end while its server goes on. Each returns once all of them work, and the time of the cause.

Ending = Callable[[Codex, list[str]], float]


def deleted(server: Codex, marks: list[str]) -> float:
    with server.client() as client:
        begun = [client.post("/agent/runs", json=chat(mark)).json()["run_id"] for mark in marks]
        await_work(marks)
        since = time.monotonic()
        for run_id in begun:
            assert client.delete(f"/agent/runs/{run_id}").json()["stopped_reason"] == "cancelled"
    return since


def left(server: Codex, marks: list[str]) -> float:
    """By clients that close their connection, every other of them in mid-stream."""
    with ExitStack() as stack:
        for number, mark in enumerate(marks):
            client = Client(server.url, "codex", f"script:{mark}")
            stack.enter_context(asking(client, number % 2 == 0, attempt=0, retries=0))
        await_work(marks)
        return time.monotonic()


def cancelled(server: Codex, marks: list[str]) -> float:
    """By a program that cancels its call of LiteLLM."""

    async def calls() -> float:
        tasks = [asyncio.ensure_future(called(server, mark)) for mark in marks]
        await asyncio.to_thread(await_work, marks)
        since = time.monotonic()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert all(task.cancelled() for task in tasks)
        return since

    return asyncio.run(calls())


async def called(server: Codex, mark: str) -> None:
    messages = chat(mark)["messages"]
    await litellm.acompletion("codex-agent/codex", messages, api_base=f"{server.url}/v1", api_key="none", timeout=60)


def out_of_time(server: Codex, marks: list[str]) -> float:
    seconds = SECONDS[server.level]
    with server.client() as client:
        asked = time.monotonic()
        begun = [client.post("/agent/runs", json=chat(mark, max_total_seconds=seconds)).json() for mark in marks]
        await_work(marks)
        ended = [f"/agent/runs/{run['run_id']}" for run in begun]
        assert come(lambda: all(client.get(path).json()["status"] == "ended" for path in ended), seconds + SOON)
        assert [client.get(path).json()["stopped_reason"] for path in ended] == ["budget"] * len(marks)
    # What is left of a run's time is for its end: it is dead before that.
    return asked + seconds


def await_work(marks: list[str]) -> None:
    assert come(lambda: all(working(mark) for mark in marks), 2 * SOON)


@pytest.mark.parametrize("level", LEVELS[: many(1, 2)])
@pytest.mark.parametrize("ending", [deleted, left, cancelled, out_of_time], ids=lambda way: way.__name__)
def test_a_run_that_ends_in_mid_command_leaves_nothing(
    ending: Ending, level: str, lane: Lane, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seconds = list[float]()
    with served(tmp_path, lane, level=level) as server:
        for _ in range(RUNS // AT_ONCE):
            marks = tokens(AT_ONCE)
            since = ending(server, marks)
            seconds += dead(marks, lambda: since)  # noqa: B023  # it is called before the next round
            assert come(lambda: not server.exec_servers())
        assert len(server.app_servers()) == 1
    tell(f"{level}: {ending.__name__}", seconds, capsys)


@each_wall
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_a_server_that_ends_in_mid_command_leaves_nothing(
    number: signal.Signals, level: str, lane: Lane, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seconds = list[float]()
    for _ in range(RUNS // AT_ONCE):
        with served(tmp_path, lane, level=level) as server:
            marks = tokens(AT_ONCE)
            with server.client() as client:
                for mark in marks:
                    assert client.post("/agent/runs", json=chat(mark)).status_code == 202
            await_work(marks)
            family = server.family()
            assert (len(server.app_servers()), len(server.exec_servers())) == (1, AT_ONCE)
            since = time.monotonic()
            server.process.send_signal(number)
            seconds += dead(marks, lambda: since)  # noqa: B023  # it is called before the next round
            assert come(lambda: not living(family), DEATH_SECONDS), living(family)  # noqa: B023  # as above
            server.process.wait(SOON)
    tell(f"{level}: {number.name}", seconds, capsys)


# Codex itself dies


def test_the_death_of_codex_fails_its_runs_with_a_sentence_and_the_next_one_works(lane: Lane, tmp_path: Path) -> None:
    for _ in range(many(1, 10)):
        marks, waits = tokens(3), f"waits-{uuid.uuid4().hex}"
        with served(tmp_path, lane) as server, server.client() as client:
            begun = [client.post("/agent/runs", json=chat(name)).json()["run_id"] for name in (*marks, waits)]
            await_work(marks)
            assert come(lambda: any(script_of(each.json) == waits for each in lane.asked))  # noqa: B023  # at once
            (old,) = server.app_servers()
            os.kill(old.pid, signal.SIGKILL)
            dead(marks, time.monotonic)
            ends = [end(client, run_id) for run_id in begun]
            assert [told["error"]["status"] for told in ends] == [422, 422, 422, 502]
            assert all("Codex's process has ended" in told["error"]["message"] for told in ends), ends
            # What they have cost is told all the same; the last one had no answer yet.
            assert [told["usage"]["total_tokens"] for told in ends] == [USAGE["total_tokens"]] * 3 + [0]
            assert client.post("/v1/chat/completions", json=chat("after")).status_code == 200
            (new,) = server.app_servers()
            assert new != old and not server.exec_servers()


def end(client: httpx.Client, run_id: str) -> dict[str, Any]:
    """The envelope of a run that fails."""
    assert come(lambda: client.get(f"/agent/runs/{run_id}").json()["status"] == "ended")
    envelope: dict[str, Any] = client.get(f"/agent/runs/{run_id}").json()["envelope"]
    assert not envelope["ok"]
    return envelope
