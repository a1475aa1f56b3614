"""Real MCP servers over both transports, and short ways to ask them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from litellm_codex_agent.sandbox.command import Command
from litellm_codex_agent.sandbox.sandbox import Sandbox
from litellm_codex_agent.sandbox.walls import made
from litellm_codex_agent.tools import mcp
from litellm_codex_agent.tools.mcp import McpTools
from litellm_codex_agent.tools.source import Call, Result

# Every wait of a test ends here at the latest: a server of the SDK takes a second to start, on a busy machine more.
PATIENCE = 60.0
ROOT = Path(__file__).parents[2]
Value = TypeVar("Value")


def bare() -> Sandbox:
    """No wall, and an environment in which the servers of the tests find their packages."""
    wall = made("none").wall
    return Sandbox(replace(wall, environment=_environment), sys.executable)


def _environment(command: Command) -> dict[str, str]:
    return {"PATH": os.defpath, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **command.environment}


@dataclass
class Stand:
    """A place for a server: its ledger, and how it is named in a request."""

    ledger: Path
    workspace: Path
    server: dict[str, Any]

    def entries(self, **like: Any) -> list[dict[str, Any]]:
        lines = self.ledger.read_text().splitlines() if self.ledger.exists() else []
        told = [json.loads(line) for line in lines]
        return [entry for entry in told if all(entry.get(key) == value for key, value in like.items())]

    def given(self) -> dict[str, Any]:
        """What the operator says: no wall, and the server's origin is listed."""
        url = self.server.get("url", "")
        origins = ["/".join(url.split("/")[:3])] if url else []
        return {"sandbox": bare(), "workspace": self.workspace, "origins": origins, "seconds": PATIENCE}

    def using(self, act: Callable[[McpTools], Awaitable[Value]], **options: Any) -> Value:
        """Open the server under the name `real`, and do something with it."""
        servers = options.pop("servers", {"real": {**self.server, **options.pop("more", {})}})
        given = {**self.given(), **options}

        async def use() -> Value:
            async with mcp.opened(servers, **given) as source:
                return await act(source)

        return asyncio.run(asyncio.wait_for(use(), PATIENCE))

    def calling(self, name: str, arguments: Any = None, *, within: float = PATIENCE, **options: Any) -> Result:
        call = Call("c1", f"real__{name}", arguments or {})
        return self.using(lambda source: source.call(call, within), **options)

    def names(self, **options: Any) -> list[str]:
        async def told(source: McpTools) -> list[str]:
            return [tool.name for tool in source.tools]

        return self.using(told, **options)

    def pids(self) -> list[int]:
        return [entry["pid"] for entry in self.entries() if "pid" in entry]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def over_stdio(folder: Path) -> Stand:
    ledger = folder / "ledger.jsonl"
    args = ["-m", "tests.tools.mcp_server", str(ledger)]
    return Stand(ledger, folder, {"command": sys.executable, "args": args})


@contextmanager
def over_http(folder: Path, *options: str) -> Iterator[Stand]:
    ledger = folder / "ledger.jsonl"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    argv = [sys.executable, "-m", "tests.tools.mcp_server", str(ledger), str(port), *options]
    child = subprocess.Popen(argv, cwd=ROOT, start_new_session=True)
    try:
        _await(port, child)
        yield Stand(ledger, folder, {"url": f"http://127.0.0.1:{port}/mcp"})
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait(PATIENCE)


def _await(port: int, child: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and child.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError("The MCP server did not start.")
