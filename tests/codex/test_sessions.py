"""Sessions, and the processes that they live in: who goes on with which thread, and how many processes there are.

What Codex remembers is read from what it sent to the endpoint.
"""

from __future__ import annotations

import signal
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from ..endpoint import Endpoint, Lane
from ..responses_endpoint import Act, conversations, say, script_of, shell, turn, wait_for
from .house import Codex, Scripts, chat, come, many, served, straying, working

SERVER_KEY = "sk-key-of-the-server"
AT_ONCE = 16
# Between two looks at how many processes there are.
LOOK_SECONDS = 0.05


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What a script waits for whose name says so; in the end it is open."""
    opened = threading.Event()
    yield opened
    opened.set()


@pytest.fixture
def lane(endpoint: Endpoint, gate: threading.Event) -> Lane:
    return endpoint.lane(conversations(Scripts(lambda name: script(name, gate))))


def script(name: str, gate: threading.Event) -> list[Act]:
    if name.startswith("waits"):
        return [turn(wait_for(gate), say(f"Answer to {name}."))]
    if name.startswith("stray"):
        return [turn(shell(straying(name)))]
    if name.startswith("acts"):
        return [turn(shell(f"echo {name} > {name}; sleep 0.3")), turn(say(f"Answer to {name}."))]
    return [turn(say(f"Answer to {name}."))]


def named(tenant: str) -> dict[str, str]:
    return {"authorization": f"Bearer {SERVER_KEY}", "x-codex-agent-tenant": tenant}


def ask(server: Codex, name: str, session: str = "", **headers: str) -> dict[str, Any]:
    """The answer of a run that has to succeed."""
    more = {"codex_agent": {"session_id": session}} if session else {}
    with server.client() as client:
        reply = client.post("/v1/chat/completions", json=chat(name, **more), headers=headers)
    assert reply.status_code == 200, reply.text
    answer: dict[str, Any] = reply.json()
    assert answer["choices"][0]["message"]["content"] == f"Answer to {name}."
    return answer


def sent(lane: Lane, name: str) -> str:
    """What Codex sent with the last request of that script, as text."""
    (*_, last) = [each.json for each in lane.asked if script_of(each.json) == name]
    return str(last["input"])


def word() -> str:
    return uuid.uuid4().hex[:12]


def test_a_system_message_is_told_again_only_where_it_has_changed(lane: Lane, tmp_path: Path) -> None:
    with served(tmp_path, lane) as server, server.client() as client:
        for said in ("first words", "first words", "second words"):
            asked = chat(name := word(), codex_agent={"session_id": "s"})
            asked["messages"] = [{"role": "system", "content": said}, *asked["messages"]]
            assert client.post("/v1/chat/completions", json=asked).status_code == 200
        assert [sent(lane, name).count(said) for said in ("first words", "second words")] == [1, 1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_a_session_goes_on_after_its_server_was_ended(number: signal.Signals, lane: Lane, tmp_path: Path) -> None:
    rounds = [word() for _ in range(many(2, 10))]
    for told, name in enumerate(rounds):
        with served(tmp_path, lane) as server:
            ask(server, name, "the-session")
            server.process.send_signal(number)
            server.process.wait()
        history = sent(lane, name)
        assert [f"Answer to {earlier}." in history for earlier in rounds] == [at < told for at in range(len(rounds))]


def test_a_session_whose_server_was_killed_in_mid_command_goes_on(lane: Lane, tmp_path: Path) -> None:
    first, cut, last = word(), f"stray-{word()}", word()
    with served(tmp_path, lane) as server, server.client() as client:
        ask(server, first, "the-session")
        client.post("/agent/runs", json={**chat(cut), "session_id": "the-session"})
        assert come(lambda: working(cut))
        server.kill()
    with served(tmp_path, lane) as server:
        ask(server, last, "the-session")
    assert f"Answer to {first}." in sent(lane, last) and f"script:{cut}" in sent(lane, last)


def test_two_tenants_with_the_same_session_do_not_share_it(lane: Lane, tmp_path: Path) -> None:
    alice, bob, again = word(), word(), word()
    with served(tmp_path, lane, CODEX_AGENT_SERVER_KEY=SERVER_KEY) as server:
        ask(server, alice, "the-session", **named("alice"))
        ask(server, bob, "the-session", **named("bob"))
        ask(server, again, "the-session", **named("alice"))
        assert len(server.app_servers()) == 2
    assert alice not in sent(lane, bob)
    assert f"Answer to {alice}." in sent(lane, again) and bob not in sent(lane, again)


def test_two_runs_of_a_session_at_once_are_served_one_after_the_other(
    lane: Lane, gate: threading.Event, tmp_path: Path
) -> None:
    first, second = f"waits-{word()}", word()
    with served(tmp_path, lane) as server, ThreadPoolExecutor(2) as threads:
        asking = [threads.submit(ask, server, first, "the-session")]
        assert come(lambda: asked_for(lane, first))
        asking.append(threads.submit(ask, server, second, "the-session"))
        assert come(lambda: running(server) == 2)
        ask(server, word())
        assert not asked_for(lane, second)
        gate.set()
        assert [each.result()["codex_agent"]["stopped_reason"] for each in asking] == ["success"] * 2
    assert f"Answer to {first}." in sent(lane, second)


def test_sixteen_runs_at_once_on_one_process_finish(lane: Lane, tmp_path: Path) -> None:
    with served(tmp_path, lane) as server, watched(server) as most:
        for _ in range(many(1, 10)):
            names = [f"acts-{word()}" for _ in range(AT_ONCE)]
            with ThreadPoolExecutor(AT_ONCE) as threads:
                answers = list(threads.map(lambda name: ask(server, name), names))
            assert [[file["path"] for file in each["codex_agent"]["files"]] for each in answers] == [[n] for n in names]
        assert max(most) == 1


def test_no_more_processes_live_than_the_operator_allows(lane: Lane, gate: threading.Event, tmp_path: Path) -> None:
    tenants = {name: f"waits-{word()}" for name in ("alice", "bob", "carol")}
    settings = {"CODEX_AGENT_SERVER_KEY": SERVER_KEY}
    with served(tmp_path, lane, "--agent-processes", "2", **settings) as server, ThreadPoolExecutor(3) as threads:
        with watched(server) as most:
            asking = [threads.submit(ask, server, name, "", **named(who)) for who, name in tenants.items()]
            assert come(lambda: running(server, **named("alice")) == 3)
            assert come(lambda: sum(asked_for(lane, name) for name in tenants.values()) == 2)
            gate.set()
            assert len([each.result() for each in asking]) == 3
        assert max(most) == 2


def test_a_process_that_nobody_asks_ends_and_the_next_run_starts_another(lane: Lane, tmp_path: Path) -> None:
    with served(tmp_path, lane, "--idle-seconds", "1") as server:
        seen = set[int]()
        for told in range(many(2, 5)):
            ask(server, f"{told}-{word()}", "the-session")
            (process,) = server.app_servers()
            seen.add(process.pid)
            assert come(lambda: not server.app_servers())
        assert len(seen) == many(2, 5)
    assert "Answer to 0-" in str(lane.asked[-1].json["input"])


def asked_for(lane: Lane, name: str) -> bool:
    return any(script_of(each.json) == name for each in lane.asked)


def running(server: Codex, **headers: str) -> int:
    """How many runs the server works on."""
    told = httpx.get(f"{server.url}/ready", headers=headers, trust_env=False).json()
    return int(told["queue"]["running"])


@contextmanager
def watched(server: Codex) -> Iterator[list[int]]:
    """How many processes of Codex there were, at each look."""
    seen, over = list[int](), threading.Event()

    def look() -> None:
        while not over.wait(LOOK_SECONDS):
            seen.append(len(server.app_servers()))

    watching = threading.Thread(target=look)
    watching.start()
    try:
        yield seen
    finally:
        over.set()
        watching.join()
