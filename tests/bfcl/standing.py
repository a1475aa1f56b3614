"""The process with the leaderboard's classes, and how tools behind it are named in a request."""

from __future__ import annotations

import json
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["PATIENCE", "Classes", "classes"]

# It reads all conversations when it starts; every wait of a test ends here at the latest.
PATIENCE = 60.0
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Classes:
    """Where the process is."""

    url: str

    def state(self, world: str) -> dict[str, Any]:
        """How a world stands, and what its calls said."""
        with urllib.request.urlopen(f"{self.url}/{world}/state", timeout=PATIENCE) as reply:
            found: dict[str, Any] = json.load(reply)
        return found

    def fields(self, kind: str, world: str) -> dict[str, Any]:
        """What a request for a run says of these tools."""
        if kind == "http":
            return {"tool_backend": "http", "tool_http_base_url": f"{self.url}/{world}"}
        server = {"url": f"{self.url}/mcp", "headers": {"X-World": world}}
        return {"tool_backend": "mcp", "mcp_servers": {"bfcl": server}}


def prefix(kind: str) -> str:
    """What stands before each tool's name."""
    return "bfcl__" if kind == "mcp" else ""


@contextmanager
def classes() -> Iterator[Classes]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = int(taken.getsockname()[1])
    argv = [sys.executable, "-m", "tests.bfcl.server", str(port)]
    child = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, start_new_session=True)
    try:
        assert child.stdout is not None and select.select([child.stdout], [], [], PATIENCE)[0]
        assert child.stdout.readline()
        _await(port, child)
        yield Classes(f"http://127.0.0.1:{port}")
    finally:
        child.send_signal(signal.SIGKILL)
        child.communicate(timeout=PATIENCE)


def _await(port: int, child: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and child.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise TimeoutError("The leaderboard's classes were not served.")
