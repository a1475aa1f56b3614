"""Cancelled, and killed, at moments that nobody planned: while Codex starts, opens its thread, asks, or acts."""

from __future__ import annotations

import signal
import time
import uuid
from pathlib import Path
from random import Random

import pytest

from ..endpoint import Endpoint, Lane
from ..responses_endpoint import Act, conversations, say, shell, turn
from ..sandbox.stage import alive
from .house import SOON, Scripts, chat, come, living, many, served, straying

POINTS = many(2, 50)
# From the request to where its command surely works, on a quiet machine; a busy one has other moments.
LATEST_OF_A_RUN, LATEST_OF_A_SERVER = 0.5, 1.0


def script(name: str) -> list[Act]:
    if name.startswith("stray"):
        return [turn(shell(straying(name))), turn(say("It came to an end."))]
    return [turn(shell("echo x > a")), turn(say(f"Answer to {name}."))]


@pytest.fixture
def lane(endpoint: Endpoint) -> Lane:
    return endpoint.lane(conversations(Scripts(script)))


@pytest.mark.parametrize("idle", ["600", "0.1"][: many(1, 2)])
def test_a_session_goes_on_after_a_cancel_at_any_moment(idle: str, lane: Lane, tmp_path: Path) -> None:
    """In a process that has the thread, and in one that is to start and to load it."""
    with served(tmp_path, lane, "--idle-seconds", idle) as server, server.client() as client:
        for point in range(POINTS):
            mark, after = f"stray-{uuid.uuid4().hex}", f"after-{uuid.uuid4().hex}"
            begun = client.post("/agent/runs", json={**chat(mark), "session_id": "the-session"}).json()["run_id"]
            time.sleep(Random(point).uniform(0.0, LATEST_OF_A_RUN))
            assert client.delete(f"/agent/runs/{begun}").json()["stopped_reason"] == "cancelled"
            asked = chat(after, codex_agent={"session_id": "the-session", "budgets": {"max_seconds": SOON}})
            reply = client.post("/v1/chat/completions", json=asked)
            assert reply.status_code == 200, (point, reply.text)
            assert reply.json()["choices"][0]["message"]["content"] == f"Answer to {after}."
            assert come(lambda: not alive(mark) and not server.exec_servers())  # noqa: B023  # it is called at once
            assert idle == "600" or come(lambda: not server.app_servers())


def test_a_server_that_is_killed_at_any_moment_leaves_nothing(lane: Lane, tmp_path: Path) -> None:
    for point in range(POINTS):
        mark = f"stray-{uuid.uuid4().hex}"
        with served(tmp_path, lane) as server, server.client() as client:
            assert client.post("/agent/runs", json=chat(mark)).status_code == 202
            time.sleep(Random(point).uniform(0.0, LATEST_OF_A_SERVER))
            # So that it starts nothing between the look and the kill.
            server.process.send_signal(signal.SIGSTOP)
            family = server.family()
            server.kill()
            assert come(lambda: not living(family) and not alive(mark)), (point, living(family), alive(mark))  # noqa: B023
