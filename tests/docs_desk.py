"""Where a page's blocks are run: a server of its own, a directory to start in, and for some a project to work on.

A page writes addresses and paths as its reader would; here they lead to the server and the project of the test.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree
from urllib.request import ProxyHandler, build_opener

from litellm_codex_agent import settings
from litellm_codex_agent.cli.demo_stage import SCRIPTS, repository_with_a_bug

from .docs_blocks import ROOT

__all__ = ["Desk", "plain", "with_project"]

ADDRESS = f"http://{settings.LOOPBACK}:{settings.DEFAULT_PORT}"
PROJECT = "/srv/project"
STOP_SECONDS = 15.0


@dataclass(frozen=True)
class Desk:
    """`folder` is where the blocks start, and `wall` what stands around the server's tools."""

    address: str
    state: Path
    folder: Path
    wall: str | None

    def here(self, text: str) -> str:
        """What a page says, for this desk."""
        return text.replace(ADDRESS, self.address).replace(PROJECT, f"{self.folder}/project")

    def there(self, text: str) -> str:
        """What was printed here, as the page has it."""
        return text.replace(self.address, ADDRESS).replace(f"{self.folder}/project", PROJECT)


@contextmanager
def plain(state: Path, environment: Mapping[str, str]) -> Iterator[Desk]:
    """A server with nothing set, as who has just installed it has one."""
    with _serving(environment, state) as address:
        yield Desk(address, state, ROOT, _wall(address))


@contextmanager
def with_project(environment: Mapping[str, str]) -> Iterator[Desk]:
    """The demo's project and scripts, and a server whose model is the demo's script."""
    # Not in pytest's own directory: commands may run as another user, who cannot enter it.
    with tempfile.TemporaryDirectory(prefix="docs-") as directory:
        folder = Path(directory)
        folder.chmod(0o711)
        copytree(SCRIPTS, folder / "scripts")
        project = repository_with_a_bug(folder / "project")
        variables = {"MODEL": "script/fix-test", "SCRIPTS": "scripts", "WORKSPACES": str(project)}
        named = {f"CODEX_AGENT_{name}": value for name, value in variables.items()}
        with _serving({**environment, **named}, folder / "state", folder) as address:
            yield Desk(address, folder / "state", folder, _wall(address))


@contextmanager
def _serving(environment: Mapping[str, str], state: Path, folder: Path = ROOT) -> Iterator[str]:
    command = [sys.executable, "-m", "litellm_codex_agent.cli", "serve", "--port", "0", "--state", str(state)]
    with subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().rpartition(" ")[2].strip()
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)


def _wall(address: str) -> str | None:
    with build_opener(ProxyHandler({})).open(f"{address}/ready", timeout=STOP_SECONDS) as reply:
        told: str | None = (json.load(reply)["sandbox"] or {}).get("level")
        return told
