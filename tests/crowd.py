"""Many clients at once in one loop, each with one request on a connection of its own, read to its end.

Bare protocols: a client of the usual kind would take more of the processor than the server that it is to load.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

__all__ = ["Answer", "ask"]

# The whole of a heavy test, on a busy machine.
PATIENCE = 300.0


@dataclass(frozen=True)
class Answer:
    """What came back. `seconds` is from the first knock to the last byte."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    def json(self) -> Any:
        return json.loads(self.body)


async def ask(url: str, method: str, path: str, body: Any = None, **headers: str) -> Answer:
    """One request, whose `body` is sent as JSON. A connection that is cut raises `ConnectionError`."""
    began = time.perf_counter()
    address = urlsplit(url)
    request = _request(method, path, address.netloc, body, headers)
    loop = asyncio.get_running_loop()
    host, port = str(address.hostname), address.port or 80
    transport, reading = await loop.create_connection(lambda: _Reading(request), host, port)
    try:
        # Not `wait_for`: up to Python 3.11 it swallows a cancel that comes together with the answer.
        await asyncio.wait({reading.whole}, timeout=PATIENCE)
    finally:
        transport.abort()
    if not reading.whole.done():
        raise TimeoutError(f"{method} {path} was not answered within {PATIENCE:.0f} s.")
    return _answer(reading.whole.result(), time.perf_counter() - began)


class _Reading(asyncio.Protocol):
    """Sends a request, and keeps all that comes until the server closes."""

    def __init__(self, request: bytes) -> None:
        self.whole: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._request = request
        self._parts: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._parts.append(data)

    def connection_lost(self, error: Exception | None) -> None:
        if self.whole.done():
            return
        if error is not None:
            self.whole.set_exception(error)
        else:
            self.whole.set_result(b"".join(self._parts))


def _request(method: str, path: str, host: str, body: Any, headers: Mapping[str, str]) -> bytes:
    content = b"" if body is None else json.dumps(body).encode()
    told = {"host": host, "connection": "close", "content-length": str(len(content))}
    if body is not None:
        told["content-type"] = "application/json"
    told |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items())]
    return "\r\n".join([*lines, "", ""]).encode() + content


def _answer(data: bytes, seconds: float) -> Answer:
    head, ended, body = data.partition(b"\r\n\r\n")
    if not ended:
        raise ConnectionError(f"The server closed after {head!r:.200}.")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if headers.get("transfer-encoding") == "chunked":
        body = _unchunked(body)
    elif len(body) != int(headers["content-length"]):
        raise ConnectionError("The server closed before the end of its answer.")
    return Answer(int(status.split()[1]), headers, body, seconds)


def _unchunked(data: bytes) -> bytes:
    """The content of a chunked body, which has to have its last chunk."""
    parts: list[bytes] = []
    at = 0
    while True:
        end = data.find(b"\r\n", at)
        if end < 0:
            raise ConnectionError("The server closed before the end of its stream.")
        size, at = int(data[at:end], 16), end + 2
        if not size:
            return b"".join(parts)
        parts.append(data[at : at + size])
        at += size + 2
