"""A tools' server over HTTP on a real socket: it remembers each request, and its tools misbehave by their names."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# Longer than any test waits: what hangs is cut by the client.
HANG_SECONDS = 60.0
MIB = 2**20


@dataclass(frozen=True)
class Seen:
    """One request as it came."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: Any

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass
class Answer:
    """What the server says; a negative status closes the connection without a word, a header `X-Cut` too early."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    repeat: int = 1


def tool(name: str, **more: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"text": {"type": "string"}}}
    return {
        "type": "function",
        "function": {"name": name, "description": f"Does {name}.", "parameters": schema},
        **more,
    }


def told(value: Any, status: int = 200, **headers: str) -> Answer:
    return Answer(status, json.dumps(value).encode(), {k.replace("_", "-"): v for k, v in headers.items()})


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    # A crowd that comes at once is let in.
    request_queue_size = 128


class ToolServer:
    """`plays` has what a tool answers, one after the other, the last one from then on; any other echoes."""

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        self._handler = handler
        self._port = 0
        self.seen: list[Seen] = []
        self.list: Any = {"tools": [tool("echo")]}
        self.plays: dict[str, list[Answer | Callable[[], Answer]]] = {}
        self.leave = threading.Event()
        self.meeting: threading.Barrier | None = None

    def offers(self, **plays: Sequence[Answer | Callable[[], Answer]]) -> None:
        """Tools of these names, each with its answers."""
        self.list = {"tools": [tool(name) for name in plays]}
        self.plays = {name: list(answers) for name, answers in plays.items()}

    def calls(self, name: str) -> list[Seen]:
        return [seen for seen in self.seen if seen.path.endswith("/invoke") and seen.body["name"] == name]

    def answer(self, seen: Seen) -> Answer:
        if seen.path.endswith("/tools"):
            return self._next("tools") or told(self.list)
        name = seen.body["name"]
        return self._next(name) or told({"ok": True, "echo": seen.body["arguments"]})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def listen(self) -> None:
        """On a port of its own, and on the same one again after `close`."""
        self._listener = _Listener(("127.0.0.1", self._port), self._handler)
        self._port = int(self._listener.server_address[1])
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown()
        self._listener.server_close()
        self._thread.join(5)

    def hang(self) -> Answer:
        self.leave.wait(HANG_SECONDS)
        return told("late")

    def meet(self) -> Answer:
        """Answers once as many calls are here as the barrier takes."""
        assert self.meeting is not None
        self.meeting.wait(HANG_SECONDS)
        return told("met")

    def _next(self, name: str) -> Answer | None:
        answers = self.plays.get(name) or []
        found = answers.pop(0) if len(answers) > 1 else (answers or [None])[0]
        return found() if callable(found) else found


@contextmanager
def serving() -> Iterator[ToolServer]:
    """A tools' server on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def log_message(self, *args: object) -> None:
            """Quiet."""

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            seen = Seen(self.command, self.path, list(self.headers.items()), json.loads(body) if body else None)
            server.seen.append(seen)
            answer = server.answer(seen)
            self.close_connection = True
            if answer.status < 0:
                return
            try:
                self._send(answer)
            except OSError:
                """The client had enough."""

        def _send(self, answer: Answer) -> None:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            missing = 9 if "X-Cut" in answer.headers else 0
            self.send_header("content-length", str(len(answer.body) * answer.repeat + missing))
            self.end_headers()
            for _ in range(answer.repeat):
                self.wfile.write(answer.body)

    server = ToolServer(Handler)
    server.listen()
    try:
        yield server
    finally:
        server.leave.set()
        server.close()


def bomb(size: int) -> Answer:
    """So many bytes of blanks in a small gzip."""
    return Answer(200, gzip.compress(b" " * size), {"Content-Encoding": "gzip"})


def in_http_date(seconds: float) -> str:
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + seconds))
