"""An MCP server that a request names as a command runs behind each wall, and nothing of it is left afterwards."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from litellm_codex_agent.sandbox.command import SandboxUnavailable
from litellm_codex_agent.sandbox.levels import LEVELS, chosen
from litellm_codex_agent.sandbox.sandbox import Sandbox
from litellm_codex_agent.tools.mcp import McpTools
from litellm_codex_agent.tools.source import Call, Result, ToolsUnavailable

from .mcp_asking import PATIENCE, ROOT, Stand, alive

HERE = Path(__file__).parent
OPENER = """
import asyncio, sys
from pathlib import Path
from litellm_codex_agent.sandbox.levels import chosen
from litellm_codex_agent.tools import mcp
from litellm_codex_agent.tools.source import Call

async def use(level, workspace, python):
    servers = {"real": {"command": python, "args": ["hand_made.py"]}}
    given = {"sandbox": await chosen(level), "workspace": Path(workspace), "origins": []}
    async with mcp.opened(servers, **given, seconds=60.0) as source:
        await source.call(Call("c1", "real__daemon", {}), 20.0)
        print("open", flush=True)
        await source.call(Call("c2", "real__hang", {}), 600.0)

asyncio.run(use(*sys.argv[1:]))
"""


@pytest.fixture(params=LEVELS)
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    try:
        return asyncio.run(chosen(request.param))
    except SandboxUnavailable as error:
        pytest.skip(f"{request.param} does not work here: {error}")


@pytest.fixture
def stand(sandbox: Sandbox) -> Iterator[Stand]:
    """The hand-made server, which needs no package, copied to where a walled command can read it."""
    folder = Path(tempfile.mkdtemp(prefix="codex-agent-mcp-"))
    try:
        shutil.copy(HERE / "hand_made.py", folder)
        if sandbox.uid is not None:
            for path in (folder, *folder.iterdir()):
                os.chown(path, sandbox.uid, sandbox.uid)
        yield Stand(folder / "none", folder, {"command": sandbox.python, "args": ["hand_made.py"]})
    finally:
        shutil.rmtree(folder)


def test_a_walled_server_is_listed_and_called(sandbox: Sandbox, stand: Stand) -> None:
    assert stand.calling("small", sandbox=sandbox) == Result(stdout="xxxxx", isolation=sandbox.level)


def test_its_environment_is_its_own_and_stands_in_no_argv(sandbox: Sandbox, stand: Stand) -> None:
    async def look(source: McpTools) -> tuple[str, list[str]]:
        told = await source.call(Call("c1", "real__variable", {"name": "TOKEN"}), 20.0)
        return told.stdout, [line for line in command_lines() if "s3cret-in-env" in line]

    assert stand.using(look, sandbox=sandbox, more={"env": {"TOKEN": "s3cret-in-env"}}) == ("s3cret-in-env", [])


def test_a_walled_server_leaves_no_process(sandbox: Sandbox, stand: Stand) -> None:
    async def hang(source: McpTools) -> tuple[Result, list[int]]:
        await source.call(Call("c1", "real__daemon", {}), 20.0)
        late = await source.call(Call("c2", "real__hang", {}), 0.5)
        return late, working_in(stand.workspace)

    late, pids = stand.using(hang, sandbox=sandbox)
    assert late.timed_out and len(pids) >= 2
    assert not [pid for pid in pids if alive(pid)]


def test_a_walled_server_does_not_outlive_ours(sandbox: Sandbox, stand: Stand) -> None:
    """The process that opened it is killed by what cannot be caught."""
    argv = [sys.executable, "-c", OPENER, sandbox.level, str(stand.workspace), sandbox.python]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE) as opener:
        assert opener.stdout is not None and opener.stdout.readline() == b"open\n"
        pids = working_in(stand.workspace)
        opener.kill()
    deadline = time.monotonic() + PATIENCE
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert pids and not [pid for pid in pids if alive(pid)]


def test_a_walled_command_that_is_not_there_is_said(sandbox: Sandbox, stand: Stand) -> None:
    stand.server = {"command": "nobody-has-this"}
    with pytest.raises(ToolsUnavailable, match="nobody-has-this"):
        stand.names(sandbox=sandbox)


def test_a_workspace_that_no_wall_takes_is_said_as_the_wall_says_it(sandbox: Sandbox, stand: Stand) -> None:
    if sandbox.uid is None:
        pytest.skip("needs root")
    os.chown(stand.workspace, 0, 0)
    with pytest.raises(SandboxUnavailable, match=f"chown -R {sandbox.uid}"):
        stand.names(sandbox=sandbox)


def working_in(workspace: Path) -> list[int]:
    return [int(path.name) for path in Path("/proc").glob("[0-9]*") if cwd(path) == str(workspace)]


def command_lines() -> Iterator[str]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_text()
        except OSError:
            continue


def cwd(process: Path) -> str:
    try:
        return str((process / "cwd").readlink())
    except OSError:
        return ""
