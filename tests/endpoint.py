"""A scripted OpenAI-compatible endpoint on a real socket: says what it is told, and remembers what it was asked.

Each lane (a path prefix) has its own script, so that tests never meet: `endpoint.lane(*acts)`.
A script's last act repeats.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

Act = Callable[["Connection"], None]


@dataclass
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Lane:
    """A path prefix with its script, and what came in on it."""

    base: str
    acts: tuple[Act, ...]
    asked: list[Asked] = field(default_factory=list)
    left: threading.Event = field(default_factory=threading.Event)

    def next_act(self) -> Act:
        return self.acts[min(len(self.asked), len(self.acts)) - 1]


class Connection:
    """What an act may do: write, wait, break."""

    def __init__(self, sock: socket.socket, lane: Lane, asked: Asked) -> None:
        self.sock = sock
        self.lane = lane
        self.asked = asked
        self.keep = True

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def head(self, status: int, headers: dict[str, str], *, length: int | None = None) -> None:
        size = {"transfer-encoding": "chunked"} if length is None else {"content-length": str(length)}
        lines = "".join(f"{name}: {value}\r\n" for name, value in {**headers, **size}.items())
        self.send(f"HTTP/1.1 {status} Scripted\r\n{lines}\r\n".encode())

    def chunk(self, data: bytes) -> None:
        self.send(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.keep = False

    def wait_until_left(self, seconds: float) -> None:
        """Wait for the client to go away, and note that it did."""
        self.sock.settimeout(seconds)
        try:
            gone = self.sock.recv(1) == b""
        except ConnectionError:
            gone = True
        except TimeoutError:
            gone = False
        if gone:
            self.lane.left.set()
        self.keep = False


class Endpoint:
    """The server: a thread a connection, keep-alive, nothing parsed beyond what a test needs."""

    def __init__(self) -> None:
        self._lanes: dict[str, Lane] = {}
        self._numbers = count()
        self.connections = 0
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def lane(self, *acts: Act) -> Lane:
        name = f"lane{next(self._numbers)}"
        self._lanes[name] = Lane(f"{self.url}/{name}/v1", acts)
        return self._lanes[name]

    def close(self) -> None:
        self._listener.close()
        for sock in list(self._open):
            sock.close()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.add(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            with sock, sock.makefile("rb") as stream:
                while asked := _read(stream):
                    lane = self._lanes.get(asked.path.split("/")[1]) or Lane("", (reply({}, status=404),))
                    lane.asked.append(asked)
                    connection = Connection(sock, lane, asked)
                    lane.next_act()(connection)
                    if not connection.keep:
                        return
        except OSError:
            return
        finally:
            self._open.discard(sock)


def _read(stream: Any) -> Asked | None:
    first = stream.readline()
    if not first.strip():
        return None
    method, target, _ = first.decode().split(" ", 2)
    # A proxy may pass on the whole address (RFC 9112, 3.2.2).
    path = "/" + target.split("/", 3)[3] if target.startswith("http://") else target
    headers: dict[str, str] = {}
    while (line := stream.readline()).strip():
        name, _, value = line.decode("latin-1").partition(":")
        name, value = name.strip().lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return Asked(method, path, headers, stream.read(int(headers.get("content-length", 0))))


@contextmanager
def running() -> Iterator[Endpoint]:
    endpoint = Endpoint()
    try:
        yield endpoint
    finally:
        endpoint.close()


# Acts


def reply(body: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Act:
    """A whole body: JSON of what is given, or the bytes themselves."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()

    def act(connection: Connection) -> None:
        connection.head(status, {"content-type": "application/json", **(headers or {})}, length=len(data))
        connection.send(data)

    return act


def stream(*parts: bytes, end: bool = True, headers: dict[str, str] | None = None) -> Act:
    """Server-sent bytes, each part in a chunk of its own; without `end` the body is cut."""

    def act(connection: Connection) -> None:
        connection.head(200, {"content-type": "text/event-stream", **(headers or {})})
        for part in parts:
            connection.chunk(part)
        if end:
            connection.chunk(b"")
        else:
            connection.keep = False

    return act


def stream_then(after: Act, *parts: bytes) -> Act:
    """Server-sent bytes, and then something else while the body is still open."""

    def act(connection: Connection) -> None:
        connection.head(200, {"content-type": "text/event-stream"})
        for part in parts:
            connection.chunk(part)
        after(connection)

    return act


def hang(seconds: float = 5.0) -> Act:
    """Say nothing until the client leaves."""
    return lambda connection: connection.wait_until_left(seconds)


def reset(connection: Connection) -> None:
    """Break the connection."""
    connection.reset()


def cut(connection: Connection) -> None:
    """Promise a body, send half of it, and close."""
    connection.head(200, {"content-type": "application/json"}, length=1000)
    connection.send(b'{"id": "half')
    connection.keep = False


def event(data: Any) -> bytes:
    return b"data: " + (data if isinstance(data, bytes) else json.dumps(data).encode()) + b"\n\n"


DONE = event(b"[DONE]")
