"""Hostile programs behind each wall, as whoever runs the tests, and as an ordinary user: each of them fails."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from litellm_codex_agent.sandbox.probes import PROBES, held
from litellm_codex_agent.sandbox.walls import made

from .stage import as_ordinary, each_wall, sandbox

# Without a wall these do what they want: else the probe would show nothing.
FREE = (
    "read a secret outside",
    "load into the wall's own processes",
    "write outside",
    "TCP to loopback",
    "a path socket",
    "limit others by their number",
    "list processes",
)


@each_wall
@pytest.mark.parametrize("probe", PROBES)
def test_a_hostile_program_fails(level: str, probe: str) -> None:
    assert asyncio.run(held(sandbox(level), probe)) == ""


@pytest.mark.parametrize("probe", FREE)
def test_the_same_program_succeeds_without_a_wall(probe: str) -> None:
    assert asyncio.run(held(sandbox("none"), probe)) != ""


@pytest.mark.parametrize("probe", PROBES)
def test_it_fails_behind_an_older_landlock_too(probe: str) -> None:
    sandbox("landlock")
    assert asyncio.run(held(made("landlock", abi=3), probe)) == ""


def test_all_of_them_fail_for_an_ordinary_user(tmp_path: Path) -> None:
    done = as_ordinary(tmp_path, "-m", "litellm_codex_agent.cli", "sandbox", "--probes")
    if "Used by default" not in done.stdout:
        pytest.skip(f"no wall works for an ordinary user here: {done.stdout}")
    assert f"All {len(PROBES)} held." in done.stdout, done.stdout + done.stderr
