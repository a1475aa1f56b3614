"""A fast OpenAI-compatible endpoint in a process of its own, so that its CPU is not counted. The path says its act:

/whole/…              a whole reply
/paced-N/…            a stream of N chunks, each in a write of its own and after the one before was read
/there-N/…            the same chunks in one write
/event-N/…            a stream with one event of N bytes
/hold-N-S-name/…      a whole reply, held until N have come or S seconds are over, then let go one by one
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from collections.abc import AsyncIterator, Callable

from tests.answers import chunks, completion

__all__ = ["open_files", "running_until_stdin_ends"]

# Slower than any client reads a chunk, or two of them would come as one.
PACE_SECONDS = 0.002
# The held replies go one by one, as agents end: at once they would measure the burst and nothing else.
RELEASE_SECONDS = 0.002
BACKLOG = 8192

Writer = Callable[[bytes], None]

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\n"
_JSON, _EVENTS = _HEAD % b"application/json", _HEAD % b"text/event-stream"
_END = b"0\r\n\r\n"


class Hall:
    """Those who wait for each other: how many there were at once, and when they may go."""

    def __init__(self, wanted: int, seconds: float) -> None:
        self._wanted = wanted
        self._opened = asyncio.Event()
        self._turn = asyncio.Lock()
        self.inside = self.peak = 0
        asyncio.get_running_loop().call_later(seconds, self._opened.set)

    async def wait(self) -> None:
        self.inside += 1
        self.peak = max(self.peak, self.inside)
        if self.inside >= self._wanted:
            self._opened.set()
        await self._opened.wait()
        async with self._turn:
            await asyncio.sleep(RELEASE_SECONDS)
        self.inside -= 1


class Book:
    """What the endpoint has seen."""

    def __init__(self) -> None:
        self.connections = 0
        self.halls: dict[str, Hall] = {}

    def hall(self, plan: str) -> Hall:
        if plan not in self.halls:
            _, wanted, seconds, _ = plan.split("-", 3)
            self.halls[plan] = Hall(int(wanted), float(seconds))
        return self.halls[plan]

    def told(self) -> bytes:
        return json.dumps(
            {"connections": self.connections, "peaks": {plan: hall.peak for plan, hall in self.halls.items()}}
        ).encode()


class Connection(asyncio.Protocol):
    """One client: its requests one after the other."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._seen = b""
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._book.connections += 1

    def data_received(self, data: bytes) -> None:
        self._seen += data
        head, found, body = self._seen.partition(b"\r\n\r\n")
        if not found:
            return
        _, named, length = head.lower().partition(b"content-length:")
        if named and len(body) < int(length.split(b"\r\n", 1)[0]):
            return
        self._seen = b""
        plan = head.split(b" ", 2)[1].split(b"/")[1].decode()
        self._task = asyncio.ensure_future(self._answer(plan))

    def connection_lost(self, _: Exception | None) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _answer(self, plan: str) -> None:
        async for part in _parts(plan, self._book):
            self._transport.write(part)


async def _parts(plan: str, book: Book) -> AsyncIterator[bytes]:
    kind, _, number = plan.partition("-")
    if kind == "stats":
        yield _whole(book.told())
    elif kind == "hold":
        await book.hall(plan).wait()
        yield _REPLY
    elif kind == "paced":
        for part in _stream(_words(int(number))):
            yield part
            await asyncio.sleep(PACE_SECONDS)
    elif kind == "there":
        yield b"".join(_stream(_words(int(number))))
    elif kind == "event":
        yield b"".join(_stream([{"content": "x" * int(number)}]))
    else:
        yield _REPLY


def _words(number: int) -> list[dict[str, str]]:
    # LiteLLM takes a hundred chunks that say the same for a model that has lost its way.
    return [{"content": f"word{n % 10} "} for n in range(number)]


def _stream(deltas: list[dict[str, str]]) -> list[bytes]:
    parts = [b"%x\r\n%b\r\n" % (len(part), part) for part in chunks(*deltas)]
    return [_EVENTS + b"transfer-encoding: chunked\r\n\r\n" + parts[0], *parts[1:-1], parts[-1] + _END]


def _whole(body: bytes) -> bytes:
    return _JSON + b"content-length: %d\r\n\r\n" % len(body) + body


_REPLY = _whole(json.dumps(completion()).encode())


def open_files() -> int:
    """How many files this process may open, raised as far as it is allowed."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


async def running_until_stdin_ends() -> None:
    """Tell the port on stdout, and serve until the one who asked goes away."""
    open_files()
    loop, book = asyncio.get_running_loop(), Book()
    server = await loop.create_server(lambda: Connection(book), "127.0.0.1", 0, backlog=BACKLOG)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(running_until_stdin_ends())
