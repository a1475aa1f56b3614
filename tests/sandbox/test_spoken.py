"""A program behind the wall that is spoken to: its lines, its end, and that nothing of it is left."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from litellm_codex_agent.sandbox.command import Command, Limits
from litellm_codex_agent.sandbox.spoken import Spoken, spoken

from .stage import alive, each_level, sandbox, workspace

LINE = 1024


def talk(level: str, path: Path, scene: Callable[[Spoken], Awaitable[Any]], *argv: str, **fields: Any) -> Any:
    box = sandbox(level)
    command = Command(argv, workspace(box, path / "workspace"), 100.0, **fields)

    async def opened() -> Any:
        async with spoken(box, command) as child:
            return await scene(child)

    return asyncio.run(asyncio.wait_for(opened(), 60))


async def said(child: Spoken, most: int = LINE) -> list[bytes]:
    return [line.data async for line in child.lines(most)]


@each_level
def test_it_answers_line_by_line(level: str, tmp_path: Path) -> None:
    async def scene(child: Spoken) -> list[bytes]:
        heard = []
        lines = child.lines(LINE)
        for word in (b"one", b"two"):
            await child.write(word + b"\n")
            heard.append((await lines.__anext__()).data)
        return heard

    assert talk(level, tmp_path, scene, "cat") == [b"one", b"two"]


@each_level
def test_it_may_end_by_itself_and_its_last_words_are_kept(level: str, tmp_path: Path) -> None:
    async def scene(child: Spoken) -> tuple[list[bytes], str]:
        told = await said(child)
        await child.exited
        await child.write(b"nobody reads it")
        return told, child.last_words()

    script = "echo out; echo noise >&2; echo why it went >&2; exit 3"
    assert talk(level, tmp_path, scene, "sh", "-c", script) == ([b"out"], "why it went")


@each_level
def test_a_line_that_is_too_long_is_cut_and_the_next_one_is_whole(level: str, tmp_path: Path) -> None:
    async def scene(child: Spoken) -> list[tuple[int, bool]]:
        return [(len(line.data), line.cut) async for line in child.lines(LINE)]

    script = "head -c 100000 /dev/zero | tr '\\0' x; echo; echo end"
    assert talk(level, tmp_path, scene, "sh", "-c", script) == [(1025, True), (3, False)]


@each_level
def test_one_that_says_more_than_is_read_is_held_up(level: str, tmp_path: Path) -> None:
    async def scene(child: Spoken) -> int:
        await asyncio.sleep(0.5)
        return len(child._reader._buffer)  # type: ignore[attr-defined]  # what asyncio keeps has no other name

    assert 0 < talk(level, tmp_path, scene, "yes") < 1024 * 1024


@each_level
def test_one_that_is_held_up_is_not_waited_for_when_it_is_dead(level: str, tmp_path: Path) -> None:
    async def scene(child: Spoken) -> bool:
        await asyncio.sleep(0.5)
        await child.bury()
        # Else it would be the wait for it that had ended.
        return child._silent[1].done()

    assert talk(level, tmp_path, scene, "yes")


@each_level
def test_one_that_reads_nothing_holds_the_writer_up(level: str, tmp_path: Path) -> None:
    async def scene(child: Spoken) -> bool:
        writing = asyncio.ensure_future(child.write(b"x" * 2**22))
        await asyncio.wait({writing}, timeout=0.5)
        held = not writing.done()
        writing.cancel()
        return held

    assert talk(level, tmp_path, scene, "sleep", "100")


@each_level
@pytest.mark.parametrize("cancelled", [False, True])
def test_when_the_block_is_left_nothing_of_it_is(level: str, tmp_path: Path, cancelled: bool) -> None:
    token = f"spoken-{level}-{cancelled}-{os.getpid()}"

    async def scene(child: Spoken) -> None:
        while len(alive(token)) < 4:
            await asyncio.sleep(0.02)
        if cancelled:
            raise asyncio.CancelledError

    script = "import os, time; os.fork(); os.fork() or os.setsid(); time.sleep(100)"
    try:
        talk(level, tmp_path, scene, sandbox(level).python, "-c", script, token)
    except asyncio.CancelledError:
        assert cancelled
    assert alive(token) == []


@each_level
def test_one_that_takes_too_much_is_ended_and_says_so(level: str, tmp_path: Path) -> None:
    async def scene(child: Spoken) -> str:
        assert await said(child) == []
        await child.exited
        return child.last_words()

    script = "a = b'x' * 300_000_000; import time; time.sleep(100)"
    limits = Limits(memory_bytes=100 * 2**20)
    told = talk(level, tmp_path, scene, sandbox(level).python, "-c", script, limits=limits)
    assert told == "Its processes took more than 100 MiB of memory."


@each_level
def test_it_reads_what_it_was_given_to_read(level: str, tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    (given / "file").write_text("words\n")
    workspace(sandbox(level), given)
    assert talk(level, tmp_path, said, "cat", str(given / "file"), readable=(str(given),)) == [b"words"]
