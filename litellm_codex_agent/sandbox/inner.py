"""The first process of a namespace, as seen from outside: its death is the death of all that is in it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from contextlib import suppress

__all__ = ["Inner"]

# One line of JSON with a few numbers.
MOST_STATUS = 4096


class Inner:
    """bubblewrap says its pid through `writing`, which the child inherits."""

    def __init__(self) -> None:
        # Not everywhere, where this module is imported all the same.
        import fcntl

        self._reading, writing = os.pipe()
        os.set_blocking(self._reading, False)
        # A shell opens files as one digit before bubblewrap starts.
        self.writing = fcntl.fcntl(writing, fcntl.F_DUPFD_CLOEXEC, 10)
        os.close(writing)
        self._told = bytearray()
        self._pid = 0
        self._found: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()

    def listen(self) -> None:
        """The child has been started: from now on it alone holds the other end."""
        self._shut_writing()
        asyncio.get_running_loop().add_reader(self._reading, self._hear)

    def close(self) -> None:
        """Give back what is open; once."""
        self._shut_writing()
        if self._reading >= 0:
            asyncio.get_running_loop().remove_reader(self._reading)
            os.close(self._reading)
            self._reading = -1
        if self._found.done() and (descriptor := self._found.result()) is not None:
            os.close(descriptor)
        self._found.cancel()

    async def kill(self, seconds: float) -> None:
        """Kill it, and with it all that lives in its namespace; return when it is dead."""
        await asyncio.wait({self._found}, timeout=seconds)
        descriptor = self._found.result() if self._found.done() else None
        if descriptor is None:
            return
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        loop, dead = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(descriptor, dead.set)
        waiting = asyncio.ensure_future(dead.wait())
        await asyncio.wait({waiting}, timeout=seconds)
        waiting.cancel()
        loop.remove_reader(descriptor)
        # Where the server is a container's first process, the orphan is its own to reap.
        with suppress(ChildProcessError):
            os.waitpid(self._pid, os.WNOHANG)  # noqa: ASYNC222  # does not wait

    def _hear(self) -> None:
        data = os.read(self._reading, MOST_STATUS)
        self._told += data
        if self._found.done() or (data and b"\n" not in self._told):
            return
        self._pid, descriptor = _opened(bytes(self._told))
        self._found.set_result(descriptor)
        asyncio.get_running_loop().remove_reader(self._reading)

    def _shut_writing(self) -> None:
        if self.writing >= 0:
            os.close(self.writing)
            self.writing = -1


def _opened(told: bytes) -> tuple[int, int | None]:
    """The pid that was told and a descriptor of it; none where there was none, or it is gone already."""
    line = told.partition(b"\n")[0]
    try:
        pid = int(json.loads(line)["child-pid"])
    except (ValueError, KeyError):
        return 0, None
    try:
        return pid, os.pidfd_open(pid)
    except ProcessLookupError:
        return pid, None
