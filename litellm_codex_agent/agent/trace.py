"""Traces: one line of JSON for each run, at the end of a file that others write as well.

Law: a line is whole or not there, whoever writes at the same time, in this process or in another. What a trace holds
is its owner's alone. A file that cannot be written is told once, and breaks no answer.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..wire.strict_json import write_json

if sys.platform != "win32":
    import fcntl

__all__ = ["Trace"]

_LOGGER = logging.getLogger("litellm_codex_agent.agent")
_PRIVATE = 0o600
_OWN = 0o700


class Trace:
    """A file of traces. `write` waits for the disk and for other writers: call it in a thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # A lock of a file is its process's, whichever of its threads holds it.
        self._lock = threading.Lock()
        self._told = False

    def write(self, record: Mapping[str, Any]) -> None:
        """Adds it as a line; what cannot be written is logged, the first time."""
        try:
            line = write_json(record) + b"\n"
            with self._lock:
                self._append(line)
        except (OSError, ValueError, TypeError, RecursionError) as error:
            self._tell(error)

    def _append(self, line: bytes) -> None:
        if sys.platform == "win32":
            raise OSError(errno.ENOTSUP, "this system has no lock that others keep to")
        self._path.parent.mkdir(mode=_OWN, parents=True, exist_ok=True)
        # Without waiting for a reader, where it is a pipe.
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK
        file = os.open(self._path, flags, _PRIVATE)
        try:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise OSError(errno.EINVAL, "it is no plain file")
            fcntl.flock(file, fcntl.LOCK_EX)
            _write_whole(file, line)
        finally:
            os.close(file)  # which ends the lock

    def _tell(self, error: Exception) -> None:
        if not self._told:
            self._told = True
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            _LOGGER.warning("The trace %s cannot be written, and the runs go on without it: %s.", self._path, why)


def _write_whole(file: int, line: bytes) -> None:
    """All of it or nothing: what a full disk took of a line is taken back, also where another has left it so."""
    size = os.fstat(file).st_size
    if size and os.pread(file, 1, size - 1) != b"\n":
        line = b"\n" + line  # a process that was killed in mid-line; its half stays a line of its own
    try:
        rest = memoryview(line)
        while rest:
            rest = rest[os.write(file, rest) :]
    except OSError:
        os.ftruncate(file, size)
        raise
