"""What the sandbox's tests share: walls that work here, a workspace for whom commands run as, an ordinary user."""

from __future__ import annotations

import asyncio
import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import litellm_codex_agent
from litellm_codex_agent.sandbox.command import Command, Finished
from litellm_codex_agent.sandbox.levels import LEVELS, WALLS, surveyed
from litellm_codex_agent.sandbox.places import reachable
from litellm_codex_agent.sandbox.sandbox import Sandbox
from litellm_codex_agent.sandbox.walls import made

__all__ = ["ORDINARY", "alive", "as_ordinary", "each_level", "each_wall", "run", "sandbox", "workspace"]

# Nobody's, and another than whom commands run as beneath root.
ORDINARY = 61_000
SECONDS = 30.0
PACKAGE = Path(litellm_codex_agent.__file__).parent

each_wall = pytest.mark.parametrize("level", WALLS)
each_level = pytest.mark.parametrize("level", LEVELS)


@functools.cache
def _fault(level: str) -> str:
    found = asyncio.run(surveyed(level))
    return found if isinstance(found, str) else ""


def sandbox(level: str) -> Sandbox:
    if level in WALLS and (fault := _fault(level)):
        pytest.skip(f"{level} does not work here: {fault}")
    return made(level)


def workspace(box: Sandbox, path: Path) -> Path:
    """`path` made a workspace, with parents that whom commands run as can go through."""
    path.mkdir(exist_ok=True)
    if box.uid is not None:
        os.chown(path, box.uid, box.uid)
        for parent in path.parents:
            if parent.owner() == "root" and parent != Path("/") and not parent.stat().st_mode & 1:
                parent.chmod(parent.stat().st_mode | 0o011)
    return path


def run(level: str, path: Path, *argv: str, **fields: Any) -> Finished:
    box = sandbox(level)
    place = workspace(box, path / "workspace")
    command = Command(argv, place, **{"seconds": SECONDS, **fields})
    return asyncio.run(box.run(command))


def alive(token: str) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if token.encode() in (process / "cmdline").read_bytes():
                found.append(int(process.name))
        except OSError:
            continue
    return found


def as_ordinary(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A Python with our package, as a user who is nobody: only root can become one, and anybody else is one."""
    if os.geteuid() != 0:
        return _python(sys.executable, arguments, PACKAGE.parent)
    pythons = [each for each in (sys.executable, "/usr/local/bin/python3", "/usr/bin/python3") if _usable(each)]
    if not pythons:
        pytest.skip("needs a Python 3.10 that an ordinary user can reach")
    path.chmod(0o755)
    for parent in path.parents:
        if not parent.stat().st_mode & 1:
            parent.chmod(parent.stat().st_mode | 0o011)
    shutil.copytree(PACKAGE, path / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
    return _python(pythons[0], arguments, path, user=ORDINARY, group=ORDINARY, extra_groups=[])


def _python(python: str, arguments: tuple[str, ...], path: Path, **who: Any) -> subprocess.CompletedProcess[str]:
    environment = {"PYTHONPATH": str(path), "PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1"}
    argv = [python, *arguments]
    return subprocess.run(argv, env=environment, cwd="/", capture_output=True, text=True, timeout=300, **who)


def _usable(python: str) -> bool:
    if not Path(python).exists() or reachable(os.path.realpath(python), ORDINARY, ORDINARY):
        return False
    if reachable(python, ORDINARY, ORDINARY):
        return False
    told = subprocess.run([python, "-c", "import sys; print(sys.version_info >= (3, 10))"], capture_output=True)
    return told.stdout.strip() == b"True"
