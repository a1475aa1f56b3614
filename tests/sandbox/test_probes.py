"""Hostile programs behind each wall, as whoever runs the tests, and as an ordinary user: each of them fails."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from litellm_codex_agent.sandbox.probes import PROBES, held
from litellm_codex_agent.sandbox.scene import set_up
from litellm_codex_agent.sandbox.walls import made

from .stage import PACKAGE, as_ordinary, each_wall, sandbox

# Without a wall these do what they want: else the probe would show nothing.
FREE = (
    "read a secret outside",
    "load into the wall's own processes",
    "write outside",
    "TCP to loopback",
    "a path socket",
    "limit others by their number",
    "list processes",
    "make a setuid file",
    "watch what others do",
    "share memory with others",
)


@each_wall
@pytest.mark.parametrize("probe", PROBES)
def test_a_hostile_program_fails(level: str, probe: str) -> None:
    assert asyncio.run(held(sandbox(level), probe)) == ""


@pytest.mark.parametrize("probe", FREE)
def test_the_same_program_succeeds_without_a_wall(probe: str) -> None:
    assert asyncio.run(held(sandbox("none"), probe)) != ""


def test_the_memory_that_is_shared_is_gone_with_the_probe() -> None:
    with set_up(None) as scene:
        assert str(scene.shared) in segments()
    assert str(scene.shared) not in segments()


def test_the_memory_that_is_shared_does_not_outlive_a_killed_probe() -> None:
    script = "from litellm_codex_agent.sandbox.scene import set_up; import os\n"
    script += "with set_up(None) as scene: print(scene.shared, flush=True); os.kill(os.getpid(), 9)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=PACKAGE.parent)
    assert done.returncode == -9
    assert done.stdout.strip() not in segments()


def segments() -> list[str]:
    return [line.split()[1] for line in Path("/proc/sysvipc/shm").read_text().splitlines()]


@pytest.mark.parametrize("probe", PROBES)
def test_it_fails_behind_an_older_landlock_too(probe: str) -> None:
    sandbox("landlock")
    assert asyncio.run(held(made("landlock", abi=3), probe)) == ""


def test_all_of_them_fail_for_an_ordinary_user(tmp_path: Path) -> None:
    done = as_ordinary(tmp_path, "-m", "litellm_codex_agent.cli", "sandbox", "--probes")
    if "Used by default" not in done.stdout:
        pytest.skip(f"no wall works for an ordinary user here: {done.stdout}")
    assert f"All {len(PROBES)} held." in done.stdout, done.stdout + done.stderr
