"""Directories for temporary files that their launchers left, for they were killed before they had removed them.

Law: a launcher holds a lock on its directory for as long as it lives, so what can be locked is nobody's any more.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from contextlib import suppress
from pathlib import Path

from .process import Process
from .removal import open_up, remove

__all__ = ["buried", "sweep"]

_NAME = re.compile(r"codex-agent-\d+-[0-9a-f]{16}")
# A launcher makes its directory, and then takes the lock.
_YOUNG_SECONDS = 60.0


async def buried(process: Process, private: Path | None) -> None:
    """Nothing is left of it: no process, and no file in what `private` is a pattern of."""
    await process.bury()
    if private is not None and process.killed:
        for each in list(private.parent.glob(private.name)):
            await asyncio.to_thread(_remove, each)


def sweep(directory: Path, young: float = _YOUNG_SECONDS) -> None:
    """Remove what launchers of earlier servers have left in `directory`, where it is older than `young` in seconds."""
    import fcntl

    for path in [each for each in directory.iterdir() if _NAME.fullmatch(each.name)]:
        try:
            descriptor = _opened(path)
        except OSError:
            # Another's, gone by now, or no directory.
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if time.time() - os.fstat(descriptor).st_ctime > young:
                _remove(path)
        except BlockingIOError:
            continue
        finally:
            os.close(descriptor)


def _opened(path: Path) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(path, flags)
    except PermissionError:
        # A command may have shut it, and nobody but its owner can open it again.
        open_up(str(path))
        return os.open(path, flags)


def _remove(path: Path) -> None:
    # What stays behind is found by the next server.
    with suppress(OSError):
        remove(path)
