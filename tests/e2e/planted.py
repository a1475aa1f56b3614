"""Secrets planted in every place where a server meets one, and all that two servers then told: see `scene`.

One server has a key, the other has none, since there a caller's own key says who it is. Both record each run.
"""

from __future__ import annotations

import json
import socket
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from litellm_codex_agent.runs.reader import Reader
from litellm_codex_agent.runs.state import JOURNAL, operator_key_of
from litellm_codex_agent.wire.sse import Decoder

from ..backends.program import Program, running
from ..backends.scripts import Case, Step, act, crash, fail, hang, leak, say, think

__all__ = ["CONTENT", "SECRETS", "Scene", "scene"]


def _planted(name: str) -> str:
    return f"sk-{name}-{uuid.uuid4().hex}"


# By where they come from. The operator's is made by the server, and added by `scene`.
SECRETS = {
    name: _planted(name.replace(" ", "-"))
    for name in (
        "the key of the server",
        "the key of a caller",
        "a wrong key",
        "the header x-api-key",
        "the header cookie",
        "the header proxy-authorization",
        "the password of an address",
        "a header for tools",
        "the environment of a tool server",
        "the authorization of a tool server",
        "the headers of a tool server",
        "the key of an upstream",
        "the query of a request",
        "a body that is not JSON",
    )
}
CONTENT = "what-the-user-said-to-nobody-else"
_CHAT = "/v1/chat/completions"
_STREAM = {"accept": "text/event-stream"}
_TIMEOUT_SECONDS = 30.0


@dataclass
class Scene:
    """What was told, by its place: the bytes of logs, files, replies, and the server's command line."""

    operator_key: str = ""
    told: dict[str, bytes] = field(default_factory=dict)

    def add(self, place: str, data: bytes) -> None:
        self.told[place] = self.told.get(place, b"") + b"\n" + data


@contextmanager
def scene(directory: Path) -> Iterator[Scene]:
    """All of it, after both servers have ended."""
    found = Scene()
    variables = {"UPSTREAM_KEY": SECRETS["the key of an upstream"], "CODEX_AGENT_DRAIN_SECONDS": "0.2"}
    keyed = {"CODEX_AGENT_SERVER_KEY": SECRETS["the key of the server"]}
    for kind, more, key in (("keyed", keyed, "the key of the server"), ("open", {}, "the key of a caller")):
        home = directory / kind
        home.mkdir()
        with running(home, CODEX_AGENT_RECORD=str(home / "record"), **variables, **more) as program:
            _Asker(found, program, SECRETS[key]).ask_everything()
        _collect(found, program, home / "record")
    yield found


def _collect(found: Scene, program: Program, records: Path) -> None:
    found.add("log", program.log.read_bytes())
    for place, files in (("recording", records.rglob("*")), ("state", program.state.rglob("*"))):
        for path in files:
            if path.is_file() and path.name != "operator-key":
                found.add(place, path.read_bytes())
    journal = Reader.of_file(program.state / JOURNAL)
    for record in journal.newest(1000):
        found.add("state", _joined(event for _, _, event in journal.events(record.id)))
    journal.close()


@dataclass
class _Asker:
    """Asks one server in all ways, and notes each reply whole."""

    found: Scene
    program: Program
    key: str

    def ask_everything(self) -> None:
        self.found.operator_key = operator_key_of(self.program.state)
        self._runs()
        self._faults()
        self._pages()
        self._mistakes()
        self.found.add("argv", Path(f"/proc/{self.program.process.pid}/cmdline").read_bytes())
        # Left working: the server's end finds it.
        self._ask("POST", "/agent/runs", json=_run([say(CONTENT), hang()]))

    def _runs(self) -> None:
        known = " ".join([self.key, self.found.operator_key, CONTENT])
        for steps in ([leak()], [think(known), act(known), say(known)], [say(known), fail(500, message=known)]):
            whole = _run(steps, **_OF_TOOLS)
            self._ask("POST", "/agent/run", json=whole)
            self._ask("POST", "/agent/run", json=whole, headers=_STREAM)
            begun = self._ask("POST", "/agent/runs", json=whole, headers={"idempotency-key": uuid.uuid4().hex})
            self._ask("GET", f"{begun.headers['location']}/events")
            self._ask("GET", begun.headers["location"])
        for stream in (False, True):
            self._ask("POST", _CHAT, json=_chat([think(known), act(), say(known)], stream=stream))

    def _faults(self) -> None:
        upstream = f"no such key: $UPSTREAM_KEY, said of {CONTENT}"
        crashed, failed = crash(upstream), fail(401, message=upstream)
        for steps in ([crashed], [failed], [act(), crashed], [act(), failed]):
            self._ask("POST", "/agent/run", json=_run(steps))
            for stream in (False, True):
                self._ask("POST", _CHAT, json=_chat(steps, stream=stream))
        broken = {**_chat([say(CONTENT)]), "model": "scripted:broken"}
        assert self._ask("POST", _CHAT, json=broken).status_code == 500

    def _pages(self) -> None:
        for path in ("/ready", "/metrics", "/v1/models", "/openapi.json", "/health", "/nowhere", "/agent/runs/run_0"):
            self._ask("GET", path)
            self._ask("GET", path, key=SECRETS["a wrong key"])
            self._ask("GET", path, key=self.found.operator_key)

    def _mistakes(self) -> None:
        secret = SECRETS["a body that is not JSON"]
        for body in (f'{{"api_key": "{secret}", "{CONTENT}', f'{{"model": "echo", "messages": "{secret}{CONTENT}"}}'):
            for path in (_CHAT, "/agent/run", "/agent/runs"):
                self._ask("POST", path, content=body, headers={"content-type": "application/json"})
        self._ask("POST", _CHAT, json=_chat([say(CONTENT)]), key=SECRETS["a wrong key"])
        with socket.create_connection(("127.0.0.1", httpx.URL(self.program.url).port or 0), _TIMEOUT_SECONDS) as raw:
            raw.sendall(f"{secret} is no line of HTTP {CONTENT}\r\n\r\n".encode())
            self.found.add("reply", raw.makefile("rb").read())

    def _ask(self, method: str, path: str, *, key: str = "", headers: Any = None, **sent: Any) -> httpx.Response:
        own = {
            "authorization": f"Bearer {key or self.key}",
            "x-api-key": SECRETS["the header x-api-key"],
            "cookie": f"session={SECRETS['the header cookie']}",
            "proxy-authorization": f"Basic {SECRETS['the header proxy-authorization']}",
        }
        query = {"api_key": SECRETS["the query of a request"]}
        with self.program.client() as client:
            reply = client.request(method, path, headers={**own, **(headers or {})}, params=query, **sent)
        place = {"/metrics": "metric", "/ready": "ready"}.get(path, "reply")
        place = "event" if reply.headers.get("content-type", "").startswith("text/event-stream") else place
        self.found.add(place, str(reply.headers.multi_items()).encode() + reply.content)
        if place == "event":
            self.found.add(place, _joined(json.loads(one.data) for one in Decoder().feed(reply.content)[:-1]))
        return reply


def _joined(events: Iterable[Any]) -> bytes:
    """What was told in pieces, as whoever reads it joins them."""
    pieces: dict[str, str] = {}
    for event in events:
        delta = event["choices"][0]["delta"] if event.get("choices") else {event.get("kind", ""): event.get("text", "")}
        for kind, text in delta.items():
            pieces[kind] = pieces.get(kind, "") + text
    return json.dumps(pieces).encode()


def _bearer(name: str) -> str:
    return f"Bearer {SECRETS[name]}"


_OF_TOOLS = {
    "tool_http_base_url": f"https://user:{SECRETS['the password of an address']}@tools.example/base",
    "tool_http_headers": {"X-Tools": SECRETS["a header for tools"]},
    "mcp_servers": {
        "local": {"command": "server", "env": {"TOKEN": SECRETS["the environment of a tool server"]}},
        "far": {
            "url": "https://mcp.example",
            "authorization": f"Bearer {SECRETS['the authorization of a tool server']}",
        },
        "headed": {"url": "https://mcp.example", "headers": {"X-Key": SECRETS["the headers of a tool server"]}},
    },
}


def _run(steps: list[Step], **fields: Any) -> dict[str, Any]:
    return {"model": "scripted", "messages": _messages(steps), **fields}


def _chat(steps: list[Step], **fields: Any) -> dict[str, Any]:
    return {"model": "scripted", "messages": _messages(steps), **fields}


def _messages(steps: list[Step]) -> list[dict[str, Any]]:
    return [{"role": "system", "content": CONTENT}, *Case(steps).messages]
