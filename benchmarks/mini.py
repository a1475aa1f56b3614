"""`python -m benchmarks.mini`: what a step of the mini-agent costs beside its model and its tool.

The model is a script and the tool an echo over HTTP, so what is left is ours: the loop, the journal and the events. A
round asks the server for a long run and for a short one, whose difference is that of their steps, and makes the same
calls of the tool without an agent. Rounds of both in turn, medians with their spread; no timing fails it.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx

from tests.cli.serving import serving

from .table import Figure, Row, spread, text

__all__ = ["main"]

SHORT, LONG = 2, 18
ROUNDS = 15
STEP_MS = 5
_TOOLS = [{"name": "echo", "description": "Says it again.", "parameters": {"type": "object"}}]
_ASK_SECONDS = 60.0


class _Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Else the second write of a reply waits for the client's word on the first.
    wbufsize = -1

    def do_GET(self) -> None:
        self._say({"tools": _TOOLS})

    def do_POST(self) -> None:
        self._say(json.loads(self.rfile.read(int(self.headers["content-length"])))["arguments"])

    def _say(self, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a benchmark prints its table."""


@contextmanager
def _tool() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def _script(folder: Path, steps: int) -> str:
    calls = [{"tool_calls": [{"name": "echo", "arguments": {"step": step}}]} for step in range(steps)]
    lines = [json.dumps(line) for line in (*calls, {"text": "Done."})]
    (folder / f"steps{steps}.jsonl").write_text("\n".join(lines) + "\n")
    return f"script/steps{steps}"


def _run(client: httpx.Client, model: str, tool: str) -> float:
    body = {"model": model, "messages": [{"role": "user", "content": "go"}]}
    began = time.perf_counter()
    told = client.post("/agent/run", json={**body, "tool_backend": "http", "tool_http_base_url": tool}).json()
    assert told["ok"], told
    return time.perf_counter() - began


def _bare(client: httpx.Client, tool: str, calls: int) -> float:
    began = time.perf_counter()
    for step in range(calls):
        client.post(f"{tool}/invoke", json={"name": "echo", "arguments": {"step": step}}).raise_for_status()
    return time.perf_counter() - began


def main() -> int:
    """Print the row."""
    with tempfile.TemporaryDirectory() as directory, _tool() as tool:
        folder = Path(directory)
        short, long = (_script(folder, steps) for steps in (SHORT, LONG))
        variables = {"CODEX_AGENT_SCRIPTS": directory, "CODEX_AGENT_TOOL_ORIGINS": tool}
        with (
            serving(folder / "state", **variables) as url,
            httpx.Client(base_url=url, timeout=_ASK_SECONDS, trust_env=False) as client,
            httpx.Client(timeout=_ASK_SECONDS, trust_env=False) as other,
        ):
            _run(client, short, tool), _bare(other, tool, SHORT)
            steps, bare = [], []
            for _ in range(ROUNDS):
                steps.append((_run(client, long, tool) - _run(client, short, tool)) / (LONG - SHORT) * 1e3)
                bare.append(_bare(other, tool, LONG - SHORT) / (LONG - SHORT) * 1e3)
    ours = spread([step - call for step, call in zip(steps, bare, strict=True)])
    ratio = spread([step / call for step, call in zip(steps, bare, strict=True)])
    beside = f"ours {ours} ms; a step {spread(steps)} ms, the call alone {spread(bare)} ms, pair by pair {ratio} times"
    row = Row(
        "mini-step",
        "a step with an echo over HTTP",
        (Figure("ms beside model and tool", ours.middle, STEP_MS),),
        beside,
    )
    print(text([row]), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
