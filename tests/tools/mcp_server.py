"""A real MCP server, made with the official SDK: `python -m tests.tools.mcp_server LEDGER [PORT [old]]`.

It writes each request that it sees into the ledger. Over HTTP some of its calls never reach the SDK: they get what
servers and what stands before them answer on a bad day. An `old` one knows no version of the protocol but those with
a handshake and a session.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

import uvicorn
from mcp.server.mcpserver import Image, MCPServer
from mcp.types import CallToolResult, EmbeddedResource, InputRequiredResult, TextContent, TextResourceContents

Told = dict[str, Any]


class Ledger:
    """One JSON line a request."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    def write(self, **entry: Any) -> None:
        with self._path.open("a") as file:
            file.write(json.dumps(entry) + "\n")


def made(ledger: Ledger) -> MCPServer:
    server = MCPServer("real")
    here: list[int] = []

    @server.tool()
    def echo(text: str) -> CallToolResult:
        """Says it again."""
        ledger.write(tool="echo", text=text)
        return CallToolResult(content=[TextContent(type="text", text=text)])

    @server.tool()
    def add(a: int, b: int) -> int:
        """Adds."""
        ledger.write(tool="add")
        return a + b

    @server.tool()
    def point() -> dict[str, int]:
        """A structured thing."""
        ledger.write(tool="point")
        return {"x": 1, "y": 2}

    @server.tool()
    def fail() -> str:
        """Fails."""
        ledger.write(tool="fail")
        raise ValueError("out of order")

    @server.tool()
    async def meet(number: int) -> str:
        """Waits until so many are here."""
        ledger.write(tool="meet")
        here.append(1)
        while len(here) < number:
            await asyncio.sleep(0.005)
        return "met"

    @server.tool()
    async def hang() -> str:
        """Never answers."""
        ledger.write(tool="hang")
        await asyncio.Event().wait()
        return "never"

    @server.tool()
    def huge(size: int) -> CallToolResult:
        """So many letters."""
        ledger.write(tool="huge")
        return CallToolResult(content=[TextContent(type="text", text="x" * size)])

    @server.tool()
    def picture() -> Image:
        """A picture."""
        ledger.write(tool="picture")
        return Image(data=b"P" * 300, format="png")

    @server.tool()
    def document() -> EmbeddedResource:
        """A text with its address."""
        ledger.write(tool="document")
        inside = TextResourceContents(uri="file:///notes.txt", text="remember", mime_type="text/plain")
        return EmbeddedResource(type="resource", resource=inside)

    @server.tool()
    def die() -> str:
        """Ends the server."""
        ledger.write(tool="die")
        print("killed by a tool", file=sys.stderr, flush=True)
        os._exit(3)

    @server.tool()
    def variable(name: str) -> str:
        """One of the environment."""
        ledger.write(tool="variable")
        return os.environ.get(name, "(not set)")

    @server.tool(name="files/read me")
    def odd() -> str:
        """A name that no model takes."""
        ledger.write(tool="odd")
        return "odd"

    @server.tool()
    def ask() -> InputRequiredResult:
        """Asks its user for more."""
        ledger.write(tool="ask")
        return InputRequiredResult(input_requests={}, request_state="more")

    for name in ("forbidden", "busy", "moved", "away", "broken", "packed", "page", "refused"):
        server.tool(name=name)(lambda: "too far")
    return server


# What never reaches the SDK, by the name of the tool that is called.
ANSWERS: dict[str, tuple[int, list[tuple[bytes, bytes]], bytes]] = {
    "unknown": (404, [], b"no such method"),
    "busy": (429, [(b"retry-after", b"0")], b"later"),
    "moved": (307, [(b"location", b"/mcp?token=s3cret")], b""),
    "away": (302, [(b"location", b"http://127.0.0.1:9/mcp")], b""),
    "packed": (200, [(b"content-type", b"application/json"), (b"content-encoding", b"gzip")], b"x"),
    "page": (200, [(b"content-type", b"text/html")], b"<html>"),
    "forbidden": (403, [], b'{"jsonrpc": "2.0", "id": null, "error": {"code": -32001, "message": "not for you"}}'),
    "refused": (403, [(b"content-type", b"application/json")], b'{"detail": "no"}'),
}


class Before:
    """What stands before the server: it writes down each request, and answers some of them itself."""

    def __init__(self, app: Any, ledger: Ledger, *, old: bool) -> None:
        self._app, self._ledger, self._old = app, ledger, old

    async def __call__(self, scope: Told, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        told = json.loads(body) if body else {}
        sent = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        name = told.get("params", {}).get("name") if told.get("method") == "tools/call" else None
        self._ledger.write(http=scope["method"], method=told.get("method"), name=name, headers=sent)
        if self._old and told.get("method") == "server/discover":
            name = "unknown"
        if name in ANSWERS:
            status, own, content = ANSWERS[name]
            length = (b"content-length", str(len(content)).encode())
            await send({"type": "http.response.start", "status": status, "headers": [*own, length]})
            await send({"type": "http.response.body", "body": content})
        elif name == "broken":
            headers = [(b"content-type", b"application/json"), (b"content-length", b"9")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b"{", "more_body": False})
        else:
            await self._app(scope, replayed(body, receive), send)


def replayed(body: bytes, receive: Any) -> Any:
    rest = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Told:
        return rest.pop() if rest else await receive()

    return again


if __name__ == "__main__":
    logging.disable()
    book = Ledger(sys.argv[1])
    book.write(pid=os.getpid())
    if len(sys.argv) == 2:
        made(book).run("stdio")
    else:
        serving = made(book).streamable_http_app()
        uvicorn.run(
            Before(serving, book, old=len(sys.argv) > 3), host="127.0.0.1", port=int(sys.argv[2]), log_level="critical"
        )
