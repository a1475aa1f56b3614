"""Servers as processes, and clients as bare sockets, which can do all that a client should not."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import litellm_codex_agent

ROOT = Path(litellm_codex_agent.__file__).parent.parent
# Python and starlette load in about a second; a busy machine takes a few times that.
START_SECONDS = 30.0
STOP_SECONDS = 30.0
# No answer of a test's takes longer, on a busy machine too.
ANSWER_SECONDS = 20.0


@dataclass
class Served:
    """A server that is up. What it logs goes to a file: a pipe that nobody reads would stop it."""

    process: subprocess.Popen[str]
    host: str
    port: int
    log: IO[str]

    def connect(self) -> socket.socket:
        return socket.create_connection((self.host, self.port), timeout=ANSWER_SECONDS)

    def ask(self, raw: bytes) -> bytes:
        """What comes back for these bytes until the server closes."""
        with self.connect() as client:
            client.sendall(raw)
            return everything(client)

    def peak_bytes(self) -> int:
        """The most memory that it has ever had (Linux)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024  # type: ignore[index]

    def end(self, *signals: int) -> tuple[int, str, str]:
        """Its exit status and all that it printed and logged, after these signals."""
        for sign in signals:
            self.process.send_signal(sign)
        out, _ = self.process.communicate(timeout=STOP_SECONDS)
        return self.process.returncode, out, self.logged()

    def logged(self) -> str:
        self.log.seek(0)
        return self.log.read()


def start(log: IO[str], **options: Any) -> subprocess.Popen[str]:
    environ = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(ROOT)}
    # Under `coverage run` the server is measured too; `make test` joins what they wrote.
    measured = ["-m", "coverage", "run", "--parallel-mode"] if "COVERAGE_RUN" in os.environ else []
    command = [sys.executable, *measured, "-m", "tests.server.child", json.dumps(options)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=ROOT, env=environ, text=True, stdout=pipe, stderr=log, start_new_session=True)


@contextmanager
def serving(**options: Any) -> Iterator[Served]:
    """A server with these options, ended at the end where the test has not ended it."""
    with tempfile.TemporaryFile("a+") as log, start(log, **options) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.fullmatch(r"codex-agent serve: http://\[?([^\]]+?)\]?:(\d+)\n", line)
            assert found, line or log.seek(0) or log.read()
            yield Served(process, found[1], int(found[2]), log)
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)
            process.kill()


def get(path: str, *headers: str, method: str = "GET", host: str = "127.0.0.1") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def post(path: str, body: bytes, *headers: str) -> bytes:
    return get(path, "Content-Type: application/json", f"Content-Length: {len(body)}", *headers, method="POST") + body


def everything(client: socket.socket) -> bytes:
    parts = []
    while part := client.recv(65_536):
        parts.append(part)
    return b"".join(parts)


def answer(client: socket.socket) -> tuple[int, bytes]:
    """The status and the body of the one answer that is due; the connection stays open."""
    return answers(client, 1)[0]


def answers(client: socket.socket, count: int) -> list[tuple[int, bytes]]:
    """As many answers, each with a length, which may come in one piece."""
    found: list[tuple[int, bytes]] = []
    data = b""
    while len(found) < count:
        part = client.recv(65_536)
        assert part, f"closed after {found} and {data!r}"
        data += part
        while whole := re.match(rb"HTTP/1.1 (\d+) .*?content-length: (\d+)\r\n.*?\r\n\r\n", data, re.DOTALL):
            status, end = int(whole[1]), whole.end() + int(whole[2])
            if len(data) < end:
                break
            found.append((status, data[whole.end() : end]))
            data = data[end:]
    assert not data
    return found


def seconds_until_closed(client: socket.socket) -> float:
    began = time.monotonic()
    with suppress(ConnectionResetError):
        everything(client)
    return time.monotonic() - began
