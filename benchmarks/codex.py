"""`python -m benchmarks.codex [level]`: a run of Codex through our server beside `codex exec` by hand, in one run.

The same program, the same scripted model on loopback, the same command and answer. Ours has a warm app-server, and the
relay, the journal, the wall and the diff in it; by hand there is a process each time, and no wall: Codex's own sandbox
starts nothing as root, so it is told to do without. Rounds of both in turn, medians with their spread; no timing fails
it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from litellm_codex_agent.backends.codex.binary import Binary, found
from litellm_codex_agent.backends.codex.process import Recipe
from litellm_codex_agent.sandbox.levels import LEVELS
from litellm_codex_agent.sandbox.processes import descendants
from litellm_codex_agent.sandbox.walls import made
from tests.cli.serving import serving
from tests.endpoint import running
from tests.responses_endpoint import conversations, say, shell, turn

from .table import Figure, Row, spread, text

__all__ = ["main"]

ROUNDS = 20
WARM_UP = 2
SHARE = 0.6
KEY = "sk-benchmark"
# The command whose wall is weighed, and when.
WEIGHED_SECONDS, SETTLED_SECONDS = 2, 1.0
SCRIPTS = {
    "run": [turn(shell("echo hi > file")), turn(say("It is done."))],
    "weighed": [turn(shell(f"sleep {WEIGHED_SECONDS}")), turn(say("It is done."))],
}
_ASK_SECONDS = 60.0


@dataclass(frozen=True)
class _Took:
    """In milliseconds: until the command was told, and until the end."""

    first: float
    whole: float


def _timed(lines: Iterable[str], word: str) -> _Took:
    """`lines` are read to their end; one of them tells of the command by `word`."""
    began, first = time.perf_counter(), 0.0
    for line in lines:
        if not first and word in line:
            first = time.perf_counter() - began
    assert first, f"no line had {word!r}"
    return _Took(first * 1e3, (time.perf_counter() - began) * 1e3)


def _ours(client: httpx.Client, script: str = "run") -> _Took:
    def lines() -> Iterator[str]:
        body = {"model": "codex", "stream": True, "messages": [{"role": "user", "content": f"script:{script}"}]}
        with client.stream("POST", "/v1/chat/completions", json=body) as reply:
            last = ""
            for line in reply.iter_lines():
                last = line if "stopped_reason" in line else last
                yield line
        assert '"stopped_reason":"success"' in last, last

    return _timed(lines(), "[shell]")


@dataclass(frozen=True)
class _Hand:
    """`codex exec` with a home of its own, and a fresh directory for each call."""

    binary: Binary
    folder: Path
    base: str

    def __call__(self) -> _Took:
        return _timed(self._lines(), "command_execution")

    def _lines(self) -> Iterator[str]:
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        workspace = tempfile.mkdtemp(dir=self.folder)
        argv = [str(self.binary.path), "exec", "--json", "--skip-git-repo-check", "-C", workspace, *self._flags()]
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), "CODEX_HOME": str(home), "BENCH_KEY": KEY}
        quiet: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, text=True, **quiet) as process:
            assert process.stdout is not None
            yield from process.stdout
        assert process.returncode == 0 and Path(workspace, "file").is_file()

    def _flags(self) -> list[str]:
        # What ours switches off too: it would ask hosts that this machine may not reach.
        _, _, *off = Recipe(self.binary, made("none")).command(self.folder).argv
        provider = {"name": "bench", "base_url": self.base, "wire_api": "responses", "env_key": "BENCH_KEY"}
        told = ",".join(f"{name}={json.dumps(value)}" for name, value in provider.items())
        ours = ["-c", 'model_provider="bench"', "-c", f"model_providers.bench={{{told}}}", "-m", "m"]
        return [*off, *ours, "--dangerously-bypass-approvals-and-sandbox", "script:run"]


def _proportional(pids: Iterable[int]) -> float:
    """Memory in MiB, what is shared divided among those who share it."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            total += int(line.split()[1]) if line.startswith("Pss:") else 0
    return total / 1024


def _trees(word: str) -> list[int]:
    """Our server's children, with all that is below, one of which has `word` in its command line."""
    found = []
    for child in _children(os.getpid()):
        for grandchild in _children(child):
            tree = [grandchild, *descendants(grandchild)]
            if any(word.encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0") for pid in tree):
                found += tree
    return found


def _children(pid: int) -> list[int]:
    told = [(task / "children").read_text() for task in Path(f"/proc/{pid}/task").iterdir()]
    return [int(each) for each in " ".join(told).split()]


def _weighed(client: httpx.Client) -> Row:
    """The app-server and the wall of a run, in mid-command."""
    run = threading.Thread(target=_ours, args=(client, "weighed"))
    run.start()
    time.sleep(SETTLED_SECONDS)
    server, wall = (_proportional(_trees(word)) for word in ("app-server", "exec-server"))
    run.join()
    beside = f"the app-server's wall {server:.0f} MiB, the wall of a run in mid-command {wall:.0f} MiB"
    return Row("codex-memory", "proportional memory (PSS)", (), beside)


def _measured(client: httpx.Client, hand: _Hand, level: str) -> list[Row]:
    pairs = [(_ours(client), hand()) for _ in range(WARM_UP + ROUNDS)][WARM_UP:]
    rows = []
    for name, what in (("first", "until the command is told"), ("whole", "a command and an answer")):
        ours, bare = ([getattr(each, name) for each in side] for side in zip(*pairs, strict=True))
        share = spread([mine / theirs for mine, theirs in zip(ours, bare, strict=True)])
        figures = (Figure("of the time by hand", share.middle, SHARE),)
        beside = f"ours {spread(ours)} ms, by hand {spread(bare)} ms, pair by pair {share}"
        rows.append(Row(f"codex-{name}", f"{what}, at level {level or 'auto'}", figures, beside))
    return [*rows, _weighed(client)]


@contextmanager
def _served(folder: Path, base: str, level: str) -> Iterator[httpx.Client]:
    variables: Mapping[str, str] = {
        "CODEX_AGENT_CODEX_MODEL": "m",
        "CODEX_AGENT_SANDBOX": level or "auto",
        "CODEX_AGENT_UPSTREAM": base,
        "CODEX_AGENT_UPSTREAM_KEY": KEY,
    }
    with (
        serving(folder / "state", **variables) as url,
        httpx.Client(base_url=url, timeout=_ASK_SECONDS, trust_env=False) as client,
    ):
        yield client


def main(arguments: list[str] | None = None) -> int:
    """Print the rows."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.codex", description=__doc__)
    parser.add_argument("level", nargs="?", choices=LEVELS, default="", help="the wall; the server's choice if none")
    level = parser.parse_args(arguments).level
    # Not among the temporary files: Codex makes no helpers of its own there.
    with running() as endpoint, tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        base = endpoint.lane(conversations(SCRIPTS)).base
        hand = _Hand(found(""), Path(name), base)
        with _served(Path(name), base, level) as client:
            print(text(_measured(client, hand, level)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
