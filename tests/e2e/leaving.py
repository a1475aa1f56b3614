"""A client that asks for a tree of processes and goes away: at some moment, in some manner, on a bare socket."""

from __future__ import annotations

import json
import socket
import struct
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from urllib.parse import urlsplit

from ..backends.program import ASK_SECONDS

__all__ = ["Client", "MOMENTS", "Manner", "asking", "read_to"]

# By what it has read when it goes. The tree tells its processes as its first word, and then that it acts.
MOMENTS = {"before the head": b"", "after the head": b"\r\n\r\n", "in mid-stream": b"[wait]"}
# Long enough to go before the request is read, while the processes start, and while they work.
LONGEST = 0.15
# A close that sends a reset at once, whatever is still to be read or written (socket(7)).
_RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Manner:
    """When, and how."""

    moment: str
    streamed: bool
    reset: bool
    wait: float

    @classmethod
    def any(cls, chance: Random) -> Manner:
        streamed = chance.random() < 0.7
        # What is not streamed has no head before its end.
        moment = chance.choice(tuple(MOMENTS)) if streamed else "before the head"
        return cls(moment, streamed, chance.random() < 0.5, chance.uniform(0.0, LONGEST))


@dataclass
class Client:
    """One question, under a key that is also its case. `left` is when the last attempt at it went away."""

    url: str
    model: str = "tree"
    key: str = field(default_factory=lambda: uuid.uuid4().hex)
    left: float = 0.0

    def go(self, manner: Manner, *, attempt: int = 0, retries: int = 0) -> None:
        """Ask, and leave as `manner` says."""
        with asking(self, manner.streamed, attempt, retries) as open_one:
            read_to(open_one, MOMENTS[manner.moment])
            time.sleep(manner.wait)
            self.left = time.time()
            if manner.reset:
                open_one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            else:
                _say_goodbye(open_one)

    def request(self, streamed: bool, attempt: int, retries: int) -> bytes:
        asked = {"model": self.model, "messages": [{"role": "user", "content": self.key}], "stream": streamed}
        body = json.dumps(asked).encode()
        head = (
            "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nIdempotency-Key: {self.key}\r\n"
            f"X-Codex-Agent-Attempt: {attempt}\r\nX-Codex-Agent-Retries-Left: {retries}\r\n\r\n"
        )
        return head.encode() + body


@contextmanager
def asking(client: Client, streamed: bool, attempt: int, retries: int) -> Iterator[socket.socket]:
    """The question on a connection of its own, closed when the block ends."""
    to = urlsplit(client.url)
    with socket.create_connection((to.hostname, to.port), timeout=ASK_SECONDS) as connection:
        connection.sendall(client.request(streamed, attempt, retries))
        yield connection


def read_to(connection: socket.socket, mark: bytes) -> None:
    """Until it has come, which it has to."""
    data = b""
    while mark not in data:
        part = connection.recv(65_536)
        assert part, data
        data += part


def _say_goodbye(connection: socket.socket) -> None:
    """In good order: nothing more will be sent, and what still comes is read."""
    connection.shutdown(socket.SHUT_WR)
    with suppress(ConnectionResetError):
        while connection.recv(65_536):
            pass
