"""What a command hides from the watch behind each wall: memory that is no process's, files that no path leads to."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from litellm_codex_agent.sandbox.command import Command, Finished, Limits
from litellm_codex_agent.sandbox.removal import remove
from litellm_codex_agent.sandbox.used import Machine
from litellm_codex_agent.sandbox.watch import short

from .stage import each_wall, sandbox, workspace

MIB = 2**20
MEMORY = ("processes took more than 60 MiB", "in the machine's memory took more than 60 MiB", "wrote more than 60 MiB")
STAY = "import time; time.sleep(60)\n"
FILES = """
import ctypes, os, socket
libc = ctypes.CDLL(None)
libc.mmap.restype, libc.mmap.argtypes = ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [
    ctypes.c_long]
kept = []
for number in range(3):
    file = os.memfd_create('m')
    for _ in range(64): os.write(file, b'x' * 2**20)
    %s
    os.close(file)
"""
HIDING: dict[str, str] = {
    "in a process that forbids to be looked at": "import ctypes; ctypes.CDLL(None).prctl(4, 0); x = b'x' * 200_000_000",
    "in files of which a page is mapped": FILES % "assert libc.mmap(None, 4096, 1, 1, file, 0) > 0",
    "in files that are on their way": FILES
    % "kept.append(socket.socketpair()); socket.send_fds(kept[-1][0], [b'x'], [file])",
    "in tables of pages": """
import ctypes
libc = ctypes.CDLL(None)
libc.mmap.restype, libc.mmap.argtypes = ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [
    ctypes.c_long]
libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
size = 2**36
place = libc.mmap(None, size, 1, 0x4022, -1, 0)
libc.madvise(place, size, 15)
for at in range(0, size, 2**21): ctypes.c_char.from_address(place + at).value
""",
}


def ended(level: str, path: Path, code: str, limits: Limits) -> Finished:
    box = sandbox(level)
    command = Command((box.python, "-"), workspace(box, path), 50, stdin=code.encode(), limits=limits)
    return asyncio.run(box.run(command))


@each_wall
@pytest.mark.parametrize("code", HIDING.values(), ids=HIDING)
def test_memory_is_counted_where_no_process_shows_it(level: str, tmp_path: Path, code: str) -> None:
    limits = Limits(memory_bytes=60 * MIB, disk_bytes=60 * MIB, address_space=None)
    told = ended(level, tmp_path / "workspace", code + "\n" + STAY, limits)
    assert not told.stderr and any(words in told.ended for words in MEMORY)


@each_wall
def test_a_file_is_counted_however_long_its_path_is(level: str, tmp_path: Path) -> None:
    code = "import os\nfor _ in range(30): os.mkdir('d' * 250); os.chdir('d' * 250)\n"
    code += "open('f', 'wb').write(b'x' * 60_000_000)\n"
    try:
        told = ended(level, tmp_path / "workspace", code + STAY, Limits(disk_bytes=20 * MIB))
    finally:
        remove(tmp_path / "workspace")
    assert told.ended == "It wrote more than 20 MiB."


def test_names_in_a_private_file_system_are_counted(tmp_path: Path) -> None:
    code = "import os\nfor number in range(60_000): os.symlink('x', f'/tmp/{number}')\n"
    told = ended("bwrap", tmp_path / "workspace", code + STAY, Limits(disk_bytes=20 * MIB))
    assert told.ended == "It wrote more than 20 MiB."


FIELDS = [
    ((100, 10), (60, 49), ""),
    ((100, 10), (60, 51), "files in the machine's memory"),
    ((100, 10), (61, 51), ""),
    ((100, 10), (6, 10), ""),
    ((100, 10), (5, 10), "hardly any left"),
    ((40, 10), (1, 10), ""),
]


@pytest.mark.parametrize(("before", "now", "said"), FIELDS)
def test_what_no_process_answers_for_is_seen_by_what_the_machine_lost(
    before: tuple[int, int], now: tuple[int, int], said: str
) -> None:
    limits = Limits(memory_bytes=39 * MIB)
    told = short(*(Machine(96 * MIB, free * MIB, shared * MIB) for free, shared in (before, now)), limits)
    assert said in told and bool(said) == bool(told)


def test_a_directory_that_cannot_be_walked_to_its_end_is_hidden(tmp_path: Path) -> None:
    from litellm_codex_agent.sandbox.room import room

    inner = tmp_path
    for _ in range(150):
        inner /= "d"
        inner.mkdir()
    assert room([tmp_path], []).hidden and not room([inner.parent], []).hidden


def test_a_link_to_a_directory_is_not_walked(tmp_path: Path) -> None:
    from litellm_codex_agent.sandbox.room import room

    (tmp_path / "place").mkdir()
    (tmp_path / "place" / "link").symlink_to("/usr")
    found = room([tmp_path / "place"], [os.getpid()])
    assert found.size < MIB
