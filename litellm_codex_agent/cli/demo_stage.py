"""What the demo plays on: a small repository with a failing test, and `codex-agent serve` on a free port.

Law: nothing of it is kept, and no setting of the user's changes it.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from .. import settings

__all__ = ["SCRIPTS", "Stage", "failing", "repository_with_a_bug", "stage"]

# Python and starlette load in about a second; a busy machine may take a few times that.
START_SECONDS = 30.0
STOP_SECONDS = 5.0
TEST_SECONDS = 30.0
SCRIPTS = Path(__file__).parent.parent / "agent" / "scripts"

_FILES = {
    "prices.py": '''\
def total(pieces: int, price: float) -> float:
    """The price of so many pieces: a tenth less from ten pieces on."""
    return pieces * price * (0.9 if pieces > 10 else 1.0)
''',
    "test_prices.py": """\
from unittest import TestCase

from prices import total


class Prices(TestCase):
    def test_a_few_pieces_cost_what_they_cost(self):
        self.assertEqual(total(3, 2.0), 6.0)

    def test_ten_pieces_get_the_discount(self):
        self.assertEqual(total(10, 2.0), 18.0)
""",
}


@dataclass(frozen=True)
class Stage:
    """An endpoint that is up, a repository that it may work in, and what it says of itself."""

    url: str
    repository: Path
    ready: Mapping[str, Any]

    @property
    def wall(self) -> str:
        """What stands around the agent's tools; empty where nothing works here."""
        return str((self.ready.get("sandbox") or {}).get("level") or "")


@contextmanager
def stage() -> Iterator[Stage]:
    """All of it, until the block ends."""
    with tempfile.TemporaryDirectory(prefix="codex-agent-demo-") as directory:
        # The agent's commands may run as another user, who has to find the repository and nothing else.
        Path(directory).chmod(0o711)
        repository = repository_with_a_bug(Path(directory) / "repository")
        with (Path(directory) / "server.log").open("wb") as log, _serving(Path(directory), log) as (url, ready):
            yield Stage(url, repository, ready)


def failing(repository: Path) -> str:
    """What the repository's tests say where they fail; empty where they pass."""
    command = [sys.executable, "-m", "unittest", "-q"]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, timeout=TEST_SECONDS, check=False)  # noqa: S603  # ours
    return done.stderr if done.returncode else ""


def repository_with_a_bug(path: Path) -> Path:
    """A small one, made at `path`; beneath root it belongs to whom commands run as."""
    path.mkdir()
    for name, text in _FILES.items():
        (path / name).write_text(text, encoding="utf-8")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        from ..sandbox.owner import ORDINARY

        for each in (path, *path.iterdir()):
            os.chown(each, ORDINARY, ORDINARY)
    return path


@contextmanager
def _serving(directory: Path, log: BinaryIO) -> Iterator[tuple[str, Mapping[str, Any]]]:
    with socket.create_server((settings.LOOPBACK, 0)) as listener:
        port = listener.getsockname()[1]
    flags = ["--host", settings.LOOPBACK, "--port", str(port), "--state", str(directory / "state")]
    flags += ["--scripts", str(SCRIPTS), "--workspaces", str(directory / "repository")]
    command = [sys.executable, "-m", "litellm_codex_agent.cli", "serve", *flags]
    environment = settings.without_server()
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)  # noqa: S603  # ours
    with process:
        try:
            base = f"http://{settings.LOOPBACK}:{port}"
            yield base, _wait(f"{base}/ready", process, Path(log.name))
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> Mapping[str, Any]:
    deadline = time.monotonic() + START_SECONDS
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        try:
            with opener.open(url, timeout=1) as reply:
                told: Mapping[str, Any] = json.load(reply)
                return told
        except OSError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                told_by_it = log.read_text(errors="replace").strip()
                raise SystemExit(f"codex-agent serve did not start: {told_by_it or error}") from error
            time.sleep(0.05)
