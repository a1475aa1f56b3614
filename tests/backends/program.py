"""Our server with the test backends, as a process of its own: one that can be counted, starved, stopped and killed.

`running(directory)` starts `python -m tests.backends.program LEDGER`, which serves under the settings that its
environment says, and waits for its address. The process is gone afterwards, whatever happened.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from .ledger import Ledger

__all__ = ["BEAT", "Program", "running"]

ROOT = Path(__file__).parents[2]
# A cold start takes a second; two busy processors take their time.
START_SECONDS = 30.0
# Drain and flush, as the tests set them.
STOP_SECONDS = 15.0
ASK_SECONDS = 30.0
# Between two looks at what is about to happen.
POLL_SECONDS = 0.05
# A shorter silence between two signs of life than the server's own, where a test has no time for it.
BEAT = "TESTS_BEAT_SECONDS"
_ADDRESS = re.compile(r"https?://[^\s\"]+:\d+")


@dataclass
class Program:
    """A server that is up. `log` is all that it printed."""

    url: str
    process: subprocess.Popen[bytes]
    ledger: Ledger
    log: Path
    state: Path

    def client(self, **options: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=ASK_SECONDS, trust_env=False, **options)

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        """As a crash does: nothing is tidied up."""
        self.process.kill()
        self.process.wait(STOP_SECONDS)

    def wait(self, seconds: float = STOP_SECONDS) -> int:
        """Its exit status."""
        return self.process.wait(seconds)


@contextmanager
def running(directory: Path, *, state: Path | None = None, **variables: str) -> Iterator[Program]:
    """The server on a port of its own. A second one on the same `state` finds what the first one left there."""
    state = state or directory / "state"
    log, ledger = directory / "server.log", directory / "ledger.jsonl"
    with log.open("ab") as out:
        begun = out.tell()
        process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(ledger)],
            cwd=directory,
            env=_environment(state, variables),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Program(_address(process, log, begun), process, Ledger(ledger), log, state)
    finally:
        _stop(process)


def _environment(state: Path, variables: dict[str, str]) -> dict[str, str]:
    """Built from nothing: what the tester has set is not what a test may depend on."""
    mine = {
        "PATH": os.environ["PATH"],
        "HOME": str(state.parent),
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "MINI_AGENT_API_PORT": "0",
        "CODEX_AGENT_STATE": str(state),
    }
    return {**mine, **variables}


def _address(process: subprocess.Popen[bytes], log: Path, begun: int) -> str:
    """The one that it prints when it is up."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        told = log.read_bytes()[begun:].decode(errors="replace")
        if (found := _ADDRESS.search(told)) and told[found.end() :]:
            return found[0]
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"The server did not come up:\n{told[-4000:]}")
        time.sleep(POLL_SECONDS)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """As an operator does, then as a crash does; and what shares its session with it."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(STOP_SECONDS)


# In the child


def make_app(settings: Any, ledger: Path) -> Any:
    """The server's own application, with the test backends beside its own."""
    from litellm_codex_agent.backends.table import backends
    from litellm_codex_agent.server.app import make_app
    from litellm_codex_agent.server.reply import BEAT_SECONDS

    from .scripted import Scripted
    from .tree import Tree

    counted = Ledger(ledger)
    mine = {backend.name: backend for backend in (Scripted(counted), Tree(counted))}
    all_of_them = {**backends(settings.recordings, settings.replay_pace), **mine}
    return make_app(settings, backends=all_of_them, beat=float(os.environ.get(BEAT, BEAT_SECONDS)))


def serve(ledger: Path) -> int:
    """Until a signal comes; the exit status."""
    from litellm_codex_agent import settings

    config = settings.server()
    app = make_app(config, ledger)
    from litellm_codex_agent.server import serving
    from litellm_codex_agent.server.listening import Bind

    return int(serving.serve(app, bind=Bind(config.host, config.port, config.key), drain=app.drain))


if __name__ == "__main__":
    sys.exit(serve(Path(sys.argv[1])))
