"""What is kept of outputs, and what is counted of memory, disk and processes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from litellm_codex_agent.sandbox.command import Command, Limits
from litellm_codex_agent.sandbox.kept import Kept
from litellm_codex_agent.sandbox.processes import descendants, threads_of
from litellm_codex_agent.sandbox.room import Room, room
from litellm_codex_agent.sandbox.used import memory, resident
from litellm_codex_agent.sandbox.watch import Watch, added

MIB = 2**20


def kept(most: int, *pieces: bytes) -> bytes:
    keeping = Kept(most)
    for piece in pieces:
        keeping.add(piece)
    assert keeping.said == sum(map(len, pieces))
    return keeping.whole()


@pytest.mark.parametrize("pieces", [[b"0123456789"], [b"01234", b"56789"], [b"%d" % each for each in range(10)]])
def test_what_fits_is_kept_whole_however_it_came(pieces: list[bytes]) -> None:
    assert kept(10, *pieces) == b"0123456789"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 26])
def test_of_what_does_not_fit_the_ends_are_kept_and_the_gap_is_counted(size: int) -> None:
    letters = b"abcdefghijklmnopqrstuvwxyz"
    pieces = [letters[at : at + size] for at in range(0, 26, size)]
    assert kept(10, *pieces) == b"abcde\n[... 16 bytes left out ...]\nvwxyz"


def test_of_an_odd_number_the_beginning_gets_more() -> None:
    assert kept(5, b"abcdefgh") == b"abc\n[... 3 bytes left out ...]\ngh"


def test_nothing_may_be_kept_of_it() -> None:
    assert kept(0, b"abc") == b"\n[... 3 bytes left out ...]\n"


def test_room_counts_files_once_and_names_for_something(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"x" * MIB)
    os.link(tmp_path / "one", tmp_path / "two")
    (tmp_path / "empty").touch()
    (tmp_path / "link").symlink_to("/usr")
    (tmp_path / "directory").mkdir()
    (tmp_path / "directory" / "deep").write_bytes(b"x" * MIB)
    found = room([tmp_path], [])
    assert 2 * MIB + 3 * 4096 <= found.size <= 2 * MIB + 16 * 4096
    assert not found.hidden


def test_room_counts_a_file_without_a_name_that_is_held_open(tmp_path: Path) -> None:
    with (tmp_path / "gone").open("wb") as held:
        held.write(b"x" * MIB)
        held.flush()
        (tmp_path / "gone").unlink()
        assert room([tmp_path], [os.getpid()]).size >= MIB
    assert room([tmp_path], [os.getpid()]).size < MIB


def test_room_of_what_is_gone_is_nothing(tmp_path: Path) -> None:
    assert room([tmp_path / "nowhere"], [2**22 - 1]).size == 0


@pytest.mark.parametrize("hidden, told", [(False, 5), (True, 9)])
def test_where_something_is_hidden_all_that_the_disk_has_lost_counts(hidden: bool, told: int) -> None:
    assert added(Room(105, hidden), 100, 9) == told


def test_memory_is_that_of_all_and_of_nobody_who_is_gone() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "x = b'x' * 50_000_000; print(flush=True); input()"], stdin=-1, stdout=-1
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert resident([child.pid]) > 50_000_000
        assert memory([child.pid, 2**22 - 1]) > 50_000_000
        assert child.pid in descendants(os.getpid())
        child.kill()
    assert resident([child.pid]) == 0


def test_threads_of_a_user_are_more_than_its_processes() -> None:
    assert threads_of(os.getuid()) >= 1
    assert threads_of(2**31 - 7) == 0


def test_a_watch_says_what_was_too_much(tmp_path: Path) -> None:
    async def scene() -> str:
        watch = Watch(Command(("x",), tmp_path, 9, limits=Limits(disk_bytes=MIB)))
        (tmp_path / "file").write_bytes(b"x" * 3 * MIB)
        os.sync()
        return await asyncio.wait_for(watch.over(os.getpid(), None), 20)

    assert asyncio.run(scene()) == "It wrote more than 1 MiB."
