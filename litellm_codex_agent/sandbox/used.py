"""What a command holds of the machine at this moment: memory, and room on the disk, as the kernel says it.

Law: what cannot be read counts as nothing, and is said to be hidden.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Room", "free", "memory", "resident", "room"]

_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_KIB = 1024
# What st_blocks counts in, on every file system of Linux.
_BLOCK = 512
# An empty file has a name and an inode: a million of them are not for nothing.
_LEAST = 4096


@dataclass(frozen=True)
class Room:
    """`hidden` where a directory could not be looked into."""

    size: int = 0
    hidden: bool = False


def resident(members: Iterable[int]) -> int:
    """The memory of those processes, where what two of them share counts twice: quick, and never too little."""
    # Read once: between two looks it may have ended.
    told = (_read(pid, "statm").split() for pid in members)
    return sum(int(counts[1]) * _PAGE for counts in told if len(counts) > 1)


def memory(members: Iterable[int]) -> int:
    """The same, where it counts once; slow."""
    found = 0
    for pid in members:
        for line in _read(pid, "smaps_rollup").splitlines():
            if line.startswith("Pss:"):
                found += int(line.split()[1]) * _KIB
    return found


def free(path: Path) -> int:
    """How much of its file system is free."""
    told = os.statvfs(path)
    return told.f_bfree * told.f_frsize


def room(directories: Iterable[Path], members: Iterable[int]) -> Room:
    """What lies in `directories`, and in files without a name that `members` hold open."""
    seen = set[tuple[int, int]]()
    size, hidden = 0, False
    todo = [str(directory) for directory in directories]
    while todo:
        try:
            with os.scandir(todo.pop()) as entries:
                for entry in entries:
                    state = entry.stat(follow_symlinks=False)
                    size += _size(state, seen)
                    if stat.S_ISDIR(state.st_mode):
                        todo.append(entry.path)
        except OSError as error:
            # Something that is gone by now is nothing; something that is shut may be anything.
            hidden = hidden or isinstance(error, PermissionError)
    return Room(size + sum(_nameless(pid, seen) for pid in members), hidden)


def _size(state: os.stat_result, seen: set[tuple[int, int]]) -> int:
    if (state.st_dev, state.st_ino) in seen:
        return 0
    seen.add((state.st_dev, state.st_ino))
    return max(state.st_blocks * _BLOCK, _LEAST)


def _nameless(pid: int, seen: set[tuple[int, int]]) -> int:
    size = 0
    try:
        with os.scandir(f"/proc/{pid}/fd") as entries:
            for entry in entries:
                state = os.stat(entry.path)  # noqa: PTH116  # a Path for each would cost more than the question
                if stat.S_ISREG(state.st_mode) and not state.st_nlink:
                    size += _size(state, seen)
    except OSError:
        return size
    return size


def _read(pid: int, name: str) -> str:
    try:
        return (Path("/proc") / str(pid) / name).read_text()
    except OSError:
        return ""
