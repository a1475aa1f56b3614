"""What the disk would not take: told to whoever waits, tried again for the rest, and never a hole in a run."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest

from litellm_codex_agent.runs.writer import AGAIN_SECONDS, LATER, LATER_SECONDS, Statement, Writer

from .stage import PATIENCE, until

ROOM = 1_000
SMALL, LARGE = "x", "x" * 200_000


def put(text: str) -> Statement:
    return "INSERT INTO told VALUES (?)", (text,)


def lengths(path: Path) -> list[int]:
    """Of all that is on the disk, in its order."""
    with sqlite3.connect(path) as connection:
        found = connection.execute("SELECT length(text) FROM told ORDER BY rowid").fetchall()
    connection.close()
    return [length for (length,) in found]


class Disk:
    """One that holds so many pages and no more: SQLite's own limit, which fails as a full disk does."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.connection.execute("CREATE TABLE told (text TEXT NOT NULL UNIQUE ON CONFLICT ABORT)")

    def fill(self) -> None:
        (pages,) = self.connection.execute("PRAGMA page_count").fetchone()
        self.connection.execute(f"PRAGMA max_page_count = {pages}")

    def make_room(self) -> None:
        self.connection.execute(f"PRAGMA max_page_count = {ROOM}")


def play(path: Path, scene: Callable[[Writer, Disk], Awaitable[None]]) -> None:
    async def run() -> None:
        disk = Disk(path)
        writer = Writer(lambda: disk.connection, ("PRAGMA user_version = 1", ()))
        try:
            await scene(writer, disk)
        finally:
            await writer.close()

    asyncio.run(asyncio.wait_for(run(), PATIENCE))


def test_whoever_waits_is_told_that_the_disk_is_full(tmp_path: Path) -> None:
    async def scene(writer: Writer, disk: Disk) -> None:
        disk.fill()
        with pytest.raises(sqlite3.OperationalError, match="full"):
            await writer.durably("a", put(LARGE))
        assert "full" in writer.fault
        disk.make_room()
        await writer.durably("a", put(LARGE))
        assert writer.fault == ""

    play(tmp_path / "j", scene)
    assert lengths(tmp_path / "j") == [len(LARGE)]


def test_what_nobody_waits_for_is_written_in_its_order_when_there_is_room(tmp_path: Path) -> None:
    async def scene(writer: Writer, disk: Disk) -> None:
        disk.fill()
        told = [writer.soon("a", put(text)) for text in (LARGE, SMALL, "xx")]
        await until(lambda: "full" in writer.fault)
        disk.make_room()
        assert [await each for each in told] == [None] * 3

    play(tmp_path / "j", scene)
    assert lengths(tmp_path / "j") == [len(LARGE), 1, 2]


def test_what_nobody_waits_for_is_written_before_the_next_piece_of_its_run(tmp_path: Path) -> None:
    async def scene(writer: Writer, _: Disk) -> None:
        for run, text in (("b", "xxx"), ("a", "x"), ("a", "xx")):
            writer.later(run, put(text))
        await writer.durably("a", put("xxxx"))
        assert lengths(tmp_path / "j") == [1, 2, 4]

    play(tmp_path / "j", scene)
    assert lengths(tmp_path / "j") == [1, 2, 4, 3]


def test_what_nobody_waits_for_is_written_in_time(tmp_path: Path) -> None:
    def is_there(written: list[int]) -> bool:
        return lengths(tmp_path / "j") == written

    async def scene(writer: Writer, _: Disk) -> None:
        for written in ([1], [1, 2]):
            writer.later("a", put("x" * len(written)))
            await asyncio.wait_for(until(partial(is_there, written)), LATER_SECONDS + 5)

    play(tmp_path / "j", scene)


def test_no_more_than_so_much_waits_to_be_written(tmp_path: Path) -> None:
    async def scene(writer: Writer, _: Disk) -> None:
        for number in range(LATER):
            writer.later(str(number), put(str(number)))
        await writer.durably("a", put("end"))
        assert len(lengths(tmp_path / "j")) == LATER + 1
        writer.later("b", put("late"))
        await writer.durably("c", put("c"))
        assert len(lengths(tmp_path / "j")) == LATER + 2

    play(tmp_path / "j", scene)


def test_of_one_run_nothing_is_written_past_what_is_missing(tmp_path: Path) -> None:
    async def scene(writer: Writer, disk: Disk) -> None:
        disk.fill()
        missing = writer.soon("a", put(LARGE))
        with pytest.raises(sqlite3.OperationalError, match="full"):
            await writer.durably("a", put(SMALL))
        await writer.durably("b", put("xx"))
        assert not missing.done()

    play(tmp_path / "j", scene)
    assert lengths(tmp_path / "j") == [2]


def test_room_is_found_though_nobody_writes(tmp_path: Path) -> None:
    async def scene(writer: Writer, disk: Disk) -> None:
        disk.fill()
        with pytest.raises(sqlite3.OperationalError):
            await writer.durably("a", put(LARGE))
        disk.make_room()
        await asyncio.wait_for(until(lambda: writer.fault == ""), AGAIN_SECONDS + 5)

    play(tmp_path / "j", scene)


def test_a_full_disk_is_not_tried_for_every_event(tmp_path: Path) -> None:
    async def scene(writer: Writer, disk: Disk) -> None:
        tried: list[str] = []
        disk.connection.set_trace_callback(lambda text: tried.append(text) if text.startswith("BEGIN") else None)
        disk.fill()
        for _ in range(40):
            writer.soon("a", put(LARGE))
            await asyncio.sleep(AGAIN_SECONDS / 100)
        assert 0 < len(tried) < 10

    play(tmp_path / "j", scene)


@pytest.mark.parametrize("text", [SMALL, "\ud800"], ids=["there already", "half a surrogate pair"])
def test_what_never_can_be_written_is_left_out(tmp_path: Path, text: str) -> None:
    async def scene(writer: Writer, disk: Disk) -> None:
        await writer.durably("", put(SMALL))
        broken, whole = writer.soon("a", put(text)), writer.soon("a", put("xx"))
        assert isinstance(await broken, (sqlite3.IntegrityError, ValueError))
        assert (await whole, writer.fault) == (None, "")

    play(tmp_path / "j", scene)
    assert lengths(tmp_path / "j") == [1, 2]


def test_at_the_end_it_is_tried_once_more_and_then_told(tmp_path: Path) -> None:
    async def scene(writer: Writer, disk: Disk) -> None:
        disk.fill()
        late, never = writer.soon("a", put("xx")), writer.soon("b", put(LARGE))
        await writer.close()
        assert await late is None
        assert isinstance(await never, sqlite3.OperationalError)

    play(tmp_path / "j", scene)
