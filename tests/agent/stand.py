"""A real server whose models are scripts: a test writes what the model says, and sees what comes of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.cli.serving import serving

__all__ = ["NO_WALL", "Stand", "call", "shell", "standing"]

ASK_SECONDS = 60.0
# There is no bubblewrap where no program is.
NO_WALL = {"CODEX_AGENT_SANDBOX": "bwrap", "PATH": "/nonexistent"}
HI = [{"role": "user", "content": "hi"}]


@dataclass
class Stand:
    """A server that is up."""

    url: str
    folder: Path
    client: httpx.Client
    count: int = 0

    def script(self, *lines: Mapping[str, Any], **header: Any) -> str:
        """The model that says these lines, one at each call."""
        self.count += 1
        name = f"s{self.count}"
        rows = [{"script": 1, **header}, *lines] if header else lines
        (self.folder / f"{name}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        return f"script/{name}"

    def post(self, path: str, body: Mapping[str, Any], **headers: str) -> httpx.Response:
        return self.client.post(path, json=dict(body), headers=headers)

    def run(self, *lines: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
        """The envelope of a run of this script."""
        body = {"model": self.script(*lines), "messages": HI, **fields}
        told: dict[str, Any] = self.post("/agent/run", body).raise_for_status().json()
        return told

    def chat(self, *lines: Mapping[str, Any], **fields: Any) -> httpx.Response:
        """What a chat with this script is answered."""
        return self.post("/v1/chat/completions", {"model": f"mini:{self.script(*lines)}", "messages": HI, **fields})


@contextmanager
def standing(directory: Path, **variables: str) -> Iterator[Stand]:
    """A server with a folder of scripts."""
    folder = directory / "scripts"
    folder.mkdir(exist_ok=True)
    with (
        serving(directory / "state", CODEX_AGENT_SCRIPTS=str(folder), **variables) as url,
        httpx.Client(base_url=url, timeout=ASK_SECONDS, trust_env=False) as client,
    ):
        yield Stand(url, folder, client)


def call(name: str, call_id: str | None = None, **arguments: Any) -> dict[str, Any]:
    """A tool call of a script."""
    told: dict[str, Any] = {"name": name, "arguments": arguments}
    return told if call_id is None else {**told, "id": call_id}


def shell(*commands: str) -> dict[str, Any]:
    """A line of a script that runs these commands in one turn."""
    return {"tool_calls": [call("exec_shell", command=command) for command in commands]}
