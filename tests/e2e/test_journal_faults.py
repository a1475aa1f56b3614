"""A journal that cannot be written, or read, or that is another's: said in a sentence, survived, and made up for."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from litellm_codex_agent.runs.state import JOURNAL

from ..backends.program import ROOT, START_SECONDS, Program, running
from ..backends.scripts import Case, act, pause, say, think
from ..runs.test_journal import row, within
from .afterwards import check_deeds, check_journal
from .callers import WAYS, Answer, Call, ask, ask_all, authorized, outcome_of, shown
from .disks import DISKS, Disk, small_file_system
from .proxy import until

KEY = "sk-the-key-of-this-server"
# The disk is tried again every second.
SOON_SECONDS = 15.0
# How long a run works until it acts or ends: by then the disk is full.
WORKS = 1.5
AGAIN = [say("again")]
NOT_WRITTEN, FAILED = (503, "journal"), (422, "run_failed")
# What goes on when the disk fills up, and what a retry gets afterwards.
THINKING = Call(Case([think("Hm."), pause(WORKS), act("first"), say("acted")], AGAIN), "stream")
SAYING = Call(Case([say("all "), pause(WORKS), say("said")], AGAIN), "whole")
ACTING = Call(Case([act("first"), pause(WORKS), say("acted")], AGAIN), "whole")
CALLS = (THINKING, SAYING, ACTING)


@pytest.fixture(params=DISKS)
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    with DISKS[request.param](tmp_path) as found:
        yield found


def test_a_full_disk_is_told_survived_and_made_up_for(disk: Disk, tmp_path: Path) -> None:
    how = {"state": disk.state, "CODEX_AGENT_SERVER_KEY": KEY}
    with running(tmp_path, **how) as server:  # type: ignore[arg-type]  # of mixed types
        told = ended_while_it_is_full(server, disk)
        check_made_up(server, told)
        server.kill()
    with running(tmp_path, **how) as server:  # type: ignore[arg-type]
        check_journal(server.state)
        check_same(server, told)
    check_deeds(server.ledger)
    assert server.ledger.counts(THINKING.case.name) == {"started": 2, "closed": 1, "ended": 1}
    assert "Traceback" not in server.log.read_text()


def ended_while_it_is_full(server: Program, disk: Disk) -> list[Answer]:
    """What each of `CALLS` was told; afterwards there is room again."""
    with ThreadPoolExecutor(len(CALLS)) as threads:
        asking = [threads.submit(ask, server.url, call, server_key=KEY) for call in CALLS]
        assert all(server.ledger.wait(call.case.name, "started") for call in CALLS)
        assert server.ledger.wait(ACTING.case.name, "effect")
        disk.fill(server)
        told = [answer.result(SOON_SECONDS) for answer in asking]
    assert [(answer.status, answer.code) for answer in told] == [NOT_WRITTEN, NOT_WRITTEN, FAILED]
    check_refused(server)
    disk.make_room(server)
    return told


def check_refused(server: Program) -> None:
    for new in ask_all(server.url, [Call(Case([say("new")]), way) for way in WAYS], server_key=KEY):
        assert (new.status, new.code) == NOT_WRITTEN and int(new.retry_after) > 0
    with server.client() as client:
        assert client.get("/health").status_code == 200
        assert (client.get("/ready").status_code, client.get("/ready").json()) == (503, {"ok": False})
        ready = client.get("/ready", headers=authorized(KEY)).json()
    assert not ready["journal"]["ok"] and ready["journal"]["reason"]
    assert ready["reasons"] == [f"The journal cannot be written: {ready['journal']['reason']}."]


def check_made_up(server: Program, told: list[Answer]) -> None:
    with server.client() as client:
        assert until(lambda: client.get("/ready").status_code == 200, SOON_SECONDS)
    check_same(server, told)
    again = ask_all(server.url, CALLS, attempt=1, left=0, server_key=KEY)
    assert [answer.outcome for answer in again] == [
        (200, "again", ""),
        (200, "again", ""),
        (*FAILED[:1], "", FAILED[1]),
    ]
    assert [now.run_id == before.run_id for now, before in zip(again, told, strict=True)] == [False, False, True]


def check_same(server: Program, told: list[Answer]) -> None:
    """What GET says of the runs that the full disk ended."""
    with server.client(headers=authorized(KEY)) as client:
        for answer in told:
            status, _, code = outcome_of(shown(client, answer.run_id))
            assert (status, code) == (answer.status, answer.code)


# A server that cannot start


def started(state: Path) -> tuple[int, str]:
    """Exit status and output of a server that is to refuse this state."""
    command = [sys.executable, "-m", "litellm_codex_agent.cli", "serve", "--port", "0", "--state", str(state)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=START_SECONDS)
    return done.returncode, done.stdout + done.stderr


def garbage(state: Path) -> None:
    (state / JOURNAL).write_bytes(bytes(range(256)) * 64)


def cut_short(state: Path) -> None:
    within(state / JOURNAL, lambda journal: journal.add(row("a", asked="x" * 100_000)))
    with (state / JOURNAL).open("rb+") as file:
        file.truncate(8192)


def a_directory(state: Path) -> None:
    (state / JOURNAL).mkdir()


def of_a_newer_version(state: Path) -> None:
    with closing(sqlite3.connect(state / JOURNAL)) as newer:
        newer.execute("PRAGMA user_version = 99")


def no_directory(state: Path) -> None:
    state.rmdir()
    state.write_text("a file")


@pytest.mark.parametrize("spoil", [garbage, cut_short, a_directory, of_a_newer_version, no_directory])
def test_a_state_that_cannot_be_used_is_one_sentence(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    state = tmp_path / "state"
    state.mkdir()
    spoil(state)
    status, said = started(state)
    assert (status, "Traceback" in said) == (1, False)
    assert said.count(str(state)) == said.count("CODEX_AGENT_STATE") == 1


def test_a_full_disk_at_the_start_is_one_sentence(tmp_path: Path) -> None:
    with small_file_system(tmp_path) as disk:
        disk.fill()
        status, said = started(disk.state)
    assert (status, "Traceback" in said) == (1, False)
    assert "No space left" in said and "CODEX_AGENT_STATE" in said


def test_a_second_server_of_the_same_state_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        status, said = started(server.state)
        assert (status, "Traceback" in said) == (1, False)
        assert f"Another codex-agent serves from {server.state}. Stop it, or set CODEX_AGENT_STATE" in said
        assert ask(server.url, Call(Case([say("here")]), "whole")).outcome == (200, "here", "")


def test_a_run_that_cannot_be_read_is_told_as_that(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        answer = ask(server.url, Call(Case([say("x" * 50_000)]), "whole"))
    with closing(sqlite3.connect(server.state / JOURNAL)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'events'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with (server.state / JOURNAL).open("rb+") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    with running(tmp_path) as server, server.client() as client:
        response = client.get(f"/agent/runs/{answer.run_id}")
        assert (response.status_code, response.json()["error"]["code"]) == NOT_WRITTEN
        assert "Traceback" not in server.log.read_text()
