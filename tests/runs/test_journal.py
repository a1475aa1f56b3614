"""The journal: what is awaited is on the disk, nothing is half a row, and a fault is one sentence."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from litellm_codex_agent.runs.journal import Journal, JournalError
from litellm_codex_agent.runs.reader import Reader
from litellm_codex_agent.runs.record import Record


def row(name: str, **fields: Any) -> Record:
    told = {"tenant": "t", "key": "k", "digest": "d", "session": "", "backend": "b", "model": "m", "state": "running"}
    return Record(**{"id": name, **told, "created": 1.0, **fields})


def within(path: Path, scene: Callable[[Journal], Awaitable[None]]) -> None:
    async def run() -> None:
        journal = Journal(path)
        try:
            await scene(journal)
        finally:
            await journal.close()

    asyncio.run(run())


def test_what_is_added_is_there_for_another_process(tmp_path: Path) -> None:
    async def scene(journal: Journal) -> None:
        await journal.add(row("a"))
        journal.tell("a", (1, 2.0, {"kind": "text", "text": "ü\n"}))
        await journal.change("a", acted=1)
        reader = Reader.of_file(tmp_path / "j")
        assert reader.record("a") == row("a", acted=1)
        assert reader.events("a") == [(1, 2.0, {"kind": "text", "text": "ü\n"})]

    within(tmp_path / "j", scene)


def test_another_program_that_looks_and_leaves_takes_nothing_along(tmp_path: Path) -> None:
    look = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('SELECT count(*) FROM runs').fetchone()[0])"

    def looked() -> str:
        done = subprocess.run([sys.executable, "-c", look, tmp_path / "j"], capture_output=True, text=True, timeout=30)
        return done.stdout.strip()

    async def scene(journal: Journal) -> None:
        assert looked() == "0"
        # Had the other been taken for the last one to leave, this would go into a file that has no name any more.
        await journal.add(row("a"))
        assert looked() == "1"

    within(tmp_path / "j", scene)


def test_the_newest_run_of_a_key_counts(tmp_path: Path) -> None:
    async def scene(journal: Journal) -> None:
        await asyncio.gather(*(journal.add(row(name, created=at)) for name, at in (("a", 1.0), ("b", 3.0), ("c", 2.0))))
        known = journal.read.known("t", "k")
        assert known is not None and known.run_id == "c"  # the last to come, whatever its clock said
        assert journal.read.known("other", "k") is None
        assert [record.id for record in journal.read.newest(2)] == ["c", "b"]

    within(tmp_path / "j", scene)


def test_a_write_that_fails_fails_alone(tmp_path: Path) -> None:
    async def scene(journal: Journal) -> None:
        await journal.add(row("a"))
        told = await asyncio.gather(journal.add(row("a")), journal.add(row("b")), return_exceptions=True)
        assert isinstance(told[0], JournalError) and "UNIQUE" in told[0].told
        assert journal.read.record("b") is not None
        # A row of ours at fault is no fault of the disk.
        assert journal.fault == ""

    within(tmp_path / "j", scene)


def test_what_had_not_ended_is_interrupted(tmp_path: Path) -> None:
    async def scene(journal: Journal) -> None:
        await journal.add(row("a"))
        await journal.add(row("b", state="ended", stopped_reason="success"))
        assert await journal.interrupt(9.0, "{}") == 1
        ended = journal.read.record("a")
        assert ended is not None and (ended.state, ended.stopped_reason, ended.ended) == ("ended", "interrupted", 9.0)
        other = journal.read.record("b")
        assert other is not None and other.stopped_reason == "success"

    within(tmp_path / "j", scene)


def test_what_is_forgotten_gives_its_room_back(tmp_path: Path) -> None:
    async def scene(journal: Journal) -> None:
        empty = journal.read.size()
        await journal.add(row("a", asked="x" * 1_000_000))
        full = journal.read.size()
        await journal.forget(["a"])
        assert journal.read.record("a") is None
        assert empty <= journal.read.size() < full - 900_000

    within(tmp_path / "j", scene)


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    async def scene(journal: Journal) -> None:
        await journal.add(row("a"))
        assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}

    os.umask(0o022)
    within(tmp_path / "j", scene)


def test_a_journal_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "j") as newer:
        newer.execute("PRAGMA user_version = 99")
    with pytest.raises(JournalError, match="newer codex-agent"):
        within(tmp_path / "j", lambda journal: asyncio.sleep(0))


@pytest.mark.parametrize("content", [b"not a database, whatever its name says" * 99, None])
def test_what_is_no_journal_is_one_sentence(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "j"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with pytest.raises(JournalError, match=r"cannot be used: .* Mend it, or set CODEX_AGENT_STATE"):
        within(path, lambda journal: asyncio.sleep(0))


def test_a_caller_that_is_cancelled_leaves_its_write_behind(tmp_path: Path) -> None:
    async def scene(journal: Journal) -> None:
        writing = asyncio.ensure_future(journal.add(row("a")))
        await asyncio.sleep(0)
        writing.cancel()
        await journal.add(row("b"))
        assert journal.read.record("a") is not None

    within(tmp_path / "j", scene)


def test_a_run_is_found_by_how_its_id_begins(tmp_path: Path) -> None:
    async def scene(journal: Journal) -> None:
        for name in ("run_ab", "run_ac", "run_b%"):
            await journal.add(row(name))
        assert [record.id for record in journal.read.beginning_with("run_b")] == ["run_b%"]
        assert len(journal.read.beginning_with("run_")) == 2
        assert journal.read.beginning_with("%") == []

    within(tmp_path / "j", scene)


def test_reading_a_file_that_is_not_there_makes_none(tmp_path: Path) -> None:
    with pytest.raises(JournalError):
        Reader.of_file(tmp_path / "none").newest(1)
    assert not list(tmp_path.iterdir())


def test_a_file_that_keeps_its_free_pages_is_not_waited_for(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "j")) as older:
        # What is set before the first table stays: this file gives nothing back.
        older.executescript("PRAGMA auto_vacuum = NONE; CREATE TABLE old (text); PRAGMA user_version = 0;")

    async def scene(journal: Journal) -> None:
        await journal.add(row("a", asked="x" * 1_000_000))
        await asyncio.wait_for(journal.forget(["a"]), 10)
        assert journal.read.record("a") is None and journal.read.free_pages() > 0

    within(tmp_path / "j", scene)
