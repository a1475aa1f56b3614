"""The processes that descend from one, as /proc has them now."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

__all__ = ["descendants", "threads_of"]

_PROC = Path("/proc")


def descendants(pid: int) -> list[int]:
    """All that `pid` has begotten and that live, parents before their children."""
    found, new = list[int](), [pid]
    while new:
        new = [child for parent in new for child in _children(parent)]
        found += new
    return found


def _children(pid: int) -> list[int]:
    found: list[int] = []
    # A process may be gone, or another's, by the time it is looked at.
    with suppress(OSError):
        for task in (_PROC / str(pid) / "task").iterdir():
            found += [int(child) for child in (task / "children").read_text().split()]
    return found


def threads_of(uid: int) -> int:
    """How many threads that user has: the kernel counts them all against a limit on processes."""
    found = 0
    for process in _PROC.iterdir():
        if process.name.isdecimal():
            with suppress(OSError):
                found += sum(1 for _ in (process / "task").iterdir()) if process.stat().st_uid == uid else 0
    return found
