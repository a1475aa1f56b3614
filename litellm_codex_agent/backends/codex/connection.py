"""The app-server's protocol over a pipe: calls that are answered, and what it tells of each of its threads.

Law: when the other side is gone, every call that waits and everyone who listens hears so, at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from typing import Any, NamedTuple, Protocol

from ...wire.lines import Line
from ...wire.strict_json import read_json, write_json

__all__ = ["Connection", "Gone", "Pipe", "Refused", "Told"]

# A tool's output of a MiB, escaped; and pictures, which travel in a line as base64.
MAX_LINE_BYTES = 64 * 2**20
# All but a turn are answered within milliseconds, and a machine may be busy.
CALL_SECONDS = 60.0
_NOT_OFFERED = {"code": -32601, "message": "This client answers no requests."}


class Gone(Exception):
    """The app-server has ended, or is silent."""


class Refused(Exception):
    """The app-server did not do what it was asked."""


class Told(NamedTuple):
    """A notification."""

    method: str
    params: Mapping[str, Any]


class Pipe(Protocol):
    """What the lines go through."""

    async def write(self, data: bytes) -> None: ...
    def lines(self, most: int) -> AsyncIterator[Line]: ...


class Connection:
    """Reads until its pipe ends; `close` stops it before."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._ids = count(1)
        self._calls: dict[int, asyncio.Future[Any]] = {}
        self._listening: dict[str, asyncio.Queue[Told | None]] = {}
        self._reading = asyncio.ensure_future(self._read())
        self._reading.add_done_callback(self._end)

    @property
    def gone(self) -> bool:
        return self._reading.done()

    async def close(self) -> None:
        """Nothing more is heard."""
        self._reading.cancel()
        await asyncio.wait({self._reading})

    async def call(self, method: str, params: Mapping[str, Any], *, seconds: float = CALL_SECONDS) -> Any:
        """The result. Raises `Refused` and `Gone`."""
        if self.gone:
            raise Gone("It has ended.")
        number = next(self._ids)
        line = _line({"id": number, "method": method, "params": params})
        answered = self._calls[number] = asyncio.get_running_loop().create_future()
        # A side that does not read holds this up, and the answer's time is all that it has.
        sending = asyncio.ensure_future(self._pipe.write(line))
        try:
            await asyncio.wait({answered}, timeout=seconds)
            if not answered.done():
                raise Gone(f"It did not answer {method} within {seconds:g} s.")
            return answered.result()
        finally:
            del self._calls[number]
            sending.cancel()
            # Of one that failed too: whoever was cancelled meanwhile does not look at it.
            answered.cancel()

    async def tell(self, method: str) -> None:
        """A notification of ours."""
        await self._send({"method": method})

    @contextmanager
    def listening(self, thread: str) -> Iterator[asyncio.Queue[Told | None]]:
        """All that is told of a thread while the block lasts; None is the end of the connection."""
        heard: asyncio.Queue[Told | None] = asyncio.Queue()
        self._listening[thread] = heard
        if self.gone:
            heard.put_nowait(None)
        try:
            yield heard
        finally:
            if self._listening.get(thread) is heard:
                del self._listening[thread]

    async def _send(self, message: Mapping[str, Any]) -> None:
        await self._pipe.write(_line(message))

    async def _read(self) -> None:
        async for line in self._pipe.lines(MAX_LINE_BYTES):
            message = _message(line)
            if "method" not in message:
                self._answered(message)
            elif "id" in message:
                # Approvals are not asked for under the policy that we set, and a request that nobody answers hangs.
                await self._send({"id": message["id"], "error": _NOT_OFFERED})
            else:
                self._told(message)

    def _answered(self, message: Mapping[str, Any]) -> None:
        id = message.get("id")
        answered = self._calls.get(id) if isinstance(id, int) else None
        if answered is None or answered.done():
            return
        if (error := message.get("error")) is not None:
            answered.set_exception(Refused(str(error.get("message") if isinstance(error, Mapping) else error)))
        else:
            answered.set_result(message.get("result"))

    def _told(self, message: Mapping[str, Any]) -> None:
        params = message.get("params")
        if isinstance(params, Mapping) and (heard := self._listening.get(str(params.get("threadId")))):
            heard.put_nowait(Told(str(message["method"]), params))

    def _end(self, reading: asyncio.Future[None]) -> None:
        why = "" if reading.cancelled() or reading.exception() is None else f" ({reading.exception()})"
        for answered in self._calls.values():
            if not answered.done():
                answered.set_exception(Gone(f"It ended before it answered{why}."))
        for heard in self._listening.values():
            heard.put_nowait(None)


def _line(message: Mapping[str, Any]) -> bytes:
    return write_json(message) + b"\n"


def _message(line: Line) -> Mapping[str, Any]:
    """A line as JSON; what is none is noise, and says nothing."""
    try:
        message = read_json(line.data)
    except ValueError:
        return {}
    return message if isinstance(message, Mapping) else {}
