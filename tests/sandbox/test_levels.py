"""Which wall is chosen, and what is said where none can be."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from litellm_codex_agent.cli.main import main
from litellm_codex_agent.sandbox.command import Command, SandboxUnavailable
from litellm_codex_agent.sandbox.levels import WALLS, chosen, surveyed
from litellm_codex_agent.sandbox.probe import proven
from litellm_codex_agent.sandbox.probes import PROBES
from litellm_codex_agent.sandbox.walls import made

from .stage import each_wall, sandbox, workspace

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "sandbox.md"
# In seconds after the server has begun: around the start of its command.
MOMENTS = [each / 200 for each in range(0, 30, 3)]


@each_wall
def test_a_wall_that_was_asked_for_is_proven_and_given(level: str) -> None:
    sandbox(level)
    assert asyncio.run(chosen(level)).level == level


def test_the_first_that_works_is_chosen() -> None:
    working = [level for level in WALLS if not isinstance(asyncio.run(surveyed(level)), str)]
    if not working:
        pytest.skip("no wall works here")
    assert asyncio.run(chosen()).level == working[0]


def test_none_is_given_where_it_is_named() -> None:
    found = asyncio.run(chosen("none"))
    assert (found.level, found.uid) == ("none", None)


def test_without_a_wall_the_proof_says_what_was_possible() -> None:
    with pytest.raises(SandboxUnavailable, match=r"could .*read what lies outside.*, write outside"):
        asyncio.run(proven(made("none")))


def test_a_program_that_is_not_installed_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SandboxUnavailable, match=r"no bwrap here. Install it: apt-get install bubblewrap.*`none`"):
        asyncio.run(chosen("bwrap"))


@pytest.mark.parametrize("abi, told", [(0, "did not switch it on"), (2, "has version 2")])
def test_a_kernel_without_landlock_is_told_what_it_lacks(abi: int, told: str) -> None:
    with pytest.raises(SandboxUnavailable, match=f"version 3 .Linux 6.2., and this kernel .*{told}"):
        made("landlock", abi=abi)


def test_the_command_says_what_works(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["sandbox"])
    told = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in told[: len(WALLS)]] == list(WALLS)
    assert told[-1].startswith("Used by default: " if status == 0 else "Without one")


def test_the_page_keeps_what_each_probe_came_to() -> None:
    rows = [line.split("|")[1:-1] for line in PAGE.read_text().splitlines() if line.count("|") == 6]
    table = {cells[0].strip(): [cell.strip() for cell in cells[1:]] for cells in rows}
    assert {name: table.get(name) for name in PROBES} == {name: ["held"] * 4 for name in PROBES}


@each_wall
def test_modes_change_inside_the_workspace_and_nowhere_else(level: str, tmp_path: Path) -> None:
    box = sandbox(level)
    place = workspace(box, tmp_path / "workspace")
    script = "touch f; chmod 751 f; touch -d @86400 f; ln -s .. up; stat -c '%a %Y' f; chmod 700 up || echo refused"
    (tmp_path / "outside").touch()
    before = tmp_path.stat().st_mode
    done = asyncio.run(box.run(Command(("sh", "-c", script), place, 20)))
    assert done.stdout.startswith(b"751 86400\n")
    assert tmp_path.stat().st_mode == before


SERVER = """
import asyncio, sys
from pathlib import Path
from litellm_codex_agent.sandbox.command import Command
from litellm_codex_agent.sandbox.walls import made
print(flush=True)
command = Command(("sh", "-c", "sleep 500; touch outlived", sys.argv[2]), Path(sys.argv[3]), 100.0)
asyncio.run(made(sys.argv[1]).run(command))
"""


@each_wall
@pytest.mark.parametrize("moment", MOMENTS)
def test_no_command_outlives_a_server_that_is_killed_while_it_begins(level: str, moment: float, tmp_path: Path) -> None:
    box, token = sandbox(level), f"begun-{level}-{os.getpid()}-{moment}"
    place = workspace(box, tmp_path / "workspace")
    package = str(Path(__file__).parents[2])
    argv = [sys.executable, "-c", SERVER, level, token, str(place)]
    with subprocess.Popen(argv, env={"PYTHONPATH": package, "PATH": os.defpath}, stdout=-1) as server:
        assert server.stdout is not None
        server.stdout.readline()
        with pytest.raises(subprocess.TimeoutExpired):
            server.wait(moment)
        server.kill()
    assert gone(token)


def gone(token: str) -> bool:
    """No shell of the command is left within a while; bubblewrap may wait for ever, having begun nothing."""
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        if not [pid for pid in Path("/proc").glob("[0-9]*") if _is_shell(pid, token)]:
            return True
        time.sleep(0.05)
    return False


def _is_shell(process: Path, token: str) -> bool:
    try:
        return token.encode() in (process / "cmdline").read_bytes() and "bwrap" not in (process / "comm").read_text()
    except OSError:
        return False
