"""A whole server with the real Codex in it, whose model is a scripted endpoint; and what of it lives and works.

`served(directory, lane)` is `codex-agent serve` as a process of its own. Its processes are found as its descendants,
what a command leaves behind by a token in its argv.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from litellm_codex_agent.backends.backend import NotReady
from litellm_codex_agent.backends.codex.binary import found

from ..endpoint import Lane
from ..responses_endpoint import Act
from ..sandbox.stage import alive, sandbox

__all__ = [
    "KEY",
    "LEVELS",
    "SOON",
    "Codex",
    "Member",
    "Scripts",
    "chat",
    "come",
    "each_wall",
    "living",
    "many",
    "needs_codex",
    "served",
    "straying",
    "working",
]

ROOT = Path(__file__).parents[2]
KEY = "sk-the-key-of-the-model-0123456789"
START_SECONDS = 30.0
STOP_SECONDS = 20.0
# A run of Codex on a busy machine, with a process that has to start first.
ASK_SECONDS = 120.0
# All that has to happen "soon" does in a second or two; a busy machine takes its time.
SOON = 20.0
POLL_SECONDS = 0.01
_ADDRESS = re.compile(r"https?://[^\s\"]+:\d+")
# It leaves a child in a session of its own, and one that has left twice; none of the three listens to a polite signal.
_STRAYS = """
import os, signal, sys, time
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    time.sleep(600)
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    os.setsid()
    time.sleep(600)
print("strayed", flush=True)
time.sleep(600)
"""
STRAYING = 3

# The quicker one first: a short test takes that alone.
LEVELS = ("landlock", "bwrap")
each_wall = pytest.mark.parametrize("level", LEVELS)


def many(short: int, full: int) -> int:
    """`short`, or `full` where the agents' whole tests were asked for by AGENTS=1."""
    return full if os.environ.get("AGENTS") == "1" else short


def needs_codex() -> None:
    """Skips the test where there is no Codex to run."""
    try:
        found("")
    except NotReady as error:
        pytest.skip(f"The real Codex is needed: {error}")


class Scripts(dict[str, "list[Act]"]):
    """Scripts that are made when they are asked for, by their name: no two runs need to have the same command."""

    def __init__(self, make: Any) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, name: str) -> list[Act]:
        made: list[Act] = self._make(name)
        return made


def straying(token: str) -> str:
    """A command that would live on for ten minutes, with its children."""
    return shlex.join(["python3", "-I", "-S", "-c", _STRAYS, token])


def working(token: str) -> bool:
    """Whether that command has come to its end, but for its waiting."""
    # The shell that started it may have become it.
    return len([pid for pid in alive(token) if _argv(pid)[:1] != [b"/bin/sh"]]) >= STRAYING


@dataclass(frozen=True)
class Member:
    """A process, told from another that later has its number by when it began."""

    pid: int
    parent: int
    began: str
    argv: tuple[str, ...]

    def does(self, word: str) -> bool:
        return word in self.argv and Path(self.argv[0]).name == "codex"


@dataclass
class Codex:
    """A server that is up. `lane` is the endpoint that its Codex asks."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path
    state: Path
    lane: Lane
    level: str

    def client(self, **headers: str) -> httpx.Client:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.Client(base_url=self.url, timeout=ASK_SECONDS, trust_env=False, headers=named)

    def family(self) -> list[Member]:
        """All its descendants."""
        members = {each.pid: each for each in _everybody()}
        known, found = {self.process.pid}, list[Member]()
        while new := [each for each in members.values() if each.parent in known and each.pid not in known]:
            known |= {each.pid for each in new}
            found += new
        return found

    def app_servers(self) -> list[Member]:
        return [each for each in self.family() if each.does("app-server")]

    def exec_servers(self) -> list[Member]:
        return [each for each in self.family() if each.does("exec-server")]

    def kill(self) -> None:
        """As a crash does."""
        self.process.kill()
        self.process.wait(STOP_SECONDS)


@contextmanager
def served(directory: Path, lane: Lane, *flags: str, level: str = "landlock", **variables: str) -> Iterator[Codex]:
    """The server; a second one on the same directory finds what the first one left. It is gone afterwards."""
    needs_codex()
    sandbox(level)
    state, log = directory / "state", directory / "server.log"
    command = [sys.executable, "-m", "litellm_codex_agent.cli", "serve", "--port", "0", "--state", str(state), *flags]
    with log.open("ab") as out:
        begun = out.tell()
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=_environment(directory, lane, CODEX_AGENT_SANDBOX=level, **variables),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Codex(_address(process, log, begun), process, log, state, lane, level)
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(STOP_SECONDS)


def chat(script: str, **fields: Any) -> dict[str, Any]:
    """A question that the script answers."""
    return {"model": "codex", "messages": [{"role": "user", "content": f"Do it. script:{script}"}], **fields}


def come(happened: Any, seconds: float = SOON) -> bool:
    """Look again and again until it has; whether it did in time."""
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def living(members: list[Member]) -> list[Member]:
    """Those of them that still live."""
    return [each for each in members if _began(each.pid) == each.began]


def _environment(directory: Path, lane: Lane, **variables: str) -> Mapping[str, str]:
    """Built from nothing: what the tester has set is not what a test may depend on."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(directory),
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "CODEX_AGENT_UPSTREAM": lane.base,
        "CODEX_AGENT_UPSTREAM_KEY": KEY,
        "CODEX_AGENT_DRAIN_SECONDS": "0.5",
        **variables,
    }


def _address(process: subprocess.Popen[bytes], log: Path, begun: int) -> str:
    """The one that it prints when it is up."""

    def told() -> str:
        return log.read_bytes()[begun:].decode(errors="replace")

    come(lambda: ("\n" in told() and _ADDRESS.search(told())) or process.poll() is not None, START_SECONDS)
    found = _ADDRESS.search(told())
    assert found, f"The server did not come up:\n{told()[-4000:]}"
    return found[0]


def _everybody() -> Iterator[Member]:
    for path in Path("/proc").glob("[0-9]*"):
        pid = int(path.name)
        with suppress(OSError, IndexError):
            stat = (path / "stat").read_text().rpartition(")")[2].split()
            argv = tuple(word.decode(errors="replace") for word in _argv(pid))
            if stat[0] not in "ZX":
                yield Member(pid, int(stat[1]), stat[19], argv)


def _argv(pid: int) -> list[bytes]:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:-1]
    return []


def _began(pid: int) -> str:
    """Empty where it is dead."""
    with suppress(OSError, IndexError):
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if stat[0] in "ZX" else stat[19]
    return ""


def events_of(reply: httpx.Response) -> list[Any]:
    """What a stream of server-sent events told."""
    lines = [line.removeprefix("data: ") for line in reply.text.splitlines() if line.startswith("data: {")]
    return [json.loads(line) for line in lines]
