"""MCP servers that cannot be used, and those that go away: a sentence, and no process left."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from litellm_codex_agent.sandbox.command import SandboxUnavailable
from litellm_codex_agent.tools import mcp
from litellm_codex_agent.tools.mcp import McpTools
from litellm_codex_agent.tools.source import Call, Result, ToolsUnavailable

from .mcp_asking import ROOT, Stand, alive, bare, over_stdio
from .tool_server import Answer, serving, told


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return over_stdio(tmp_path)


def program(folder: Path, code: str, **more: Any) -> Stand:
    """A server that is this little program."""
    return Stand(folder / "none", folder, {"command": sys.executable, "args": ["-c", code], **more})


def refused(stand: Stand, **options: Any) -> tuple[str, int]:
    with pytest.raises(ToolsUnavailable) as caught:
        stand.names(**options)
    return str(caught.value), caught.value.status


def test_a_child_is_gone_when_its_run_is(stand: Stand) -> None:
    assert stand.names()
    assert len(stand.pids()) == 1 and not any(map(alive, stand.pids()))


def test_a_child_is_gone_when_its_run_is_cancelled(stand: Stand) -> None:
    async def cancelled() -> None:
        async def hang(source: McpTools) -> Result:
            return await source.call(Call("c1", "real__hang", {}), 60.0)

        work = asyncio.ensure_future(_use(stand, hang))
        while not stand.entries(tool="hang") and not work.done():
            await asyncio.sleep(0.01)
        work.cancel()
        await asyncio.wait({work}, timeout=20)
        assert work.cancelled()

    asyncio.run(cancelled())
    assert len(stand.pids()) == 1 and not any(map(alive, stand.pids()))


async def _use(stand: Stand, act: Any) -> Any:
    servers = {"real": stand.server}
    async with mcp.opened(servers, sandbox=bare(), workspace=stand.workspace, origins=[], seconds=60.0) as source:
        return await act(source)


def test_a_child_that_ends_by_nothing_is_killed_with_all_that_it_started(tmp_path: Path) -> None:
    code = (
        "import os, signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(tmp_path / 'pids')!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        "time.sleep(600)\n"
    )
    sentence, status = refused(program(tmp_path, code), seconds=1.5)
    assert "did not list its tools within" in sentence and status == 502
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert len(pids) == 2 and not any(map(alive, pids))


def test_a_server_that_dies_in_a_call_fails_that_call_and_those_after_it(stand: Stand) -> None:
    async def both(source: McpTools) -> tuple[Result, Result]:
        dead = await source.call(Call("c1", "real__die", {}), 20.0)
        return dead, await source.call(Call("c2", "real__echo", {"text": "x"}), 20.0)

    for result in stand.using(both):
        assert result.rc == 1 and "Connection closed" in result.error
    assert len(stand.entries(tool="die")) == 1 and stand.entries(tool="echo") == []


def test_a_server_that_ends_at_once_is_told_with_its_last_words(tmp_path: Path) -> None:
    code = "import sys; print('x' * 5000, file=sys.stderr); print('no licence', file=sys.stderr); sys.exit(3)"
    sentence, status = refused(program(tmp_path, code))
    assert sentence == "The MCP server 'real' cannot be used: Connection closed. It said: no licence"
    assert status == 502


def test_a_command_that_is_not_there_is_said(tmp_path: Path) -> None:
    sentence, _ = refused(Stand(tmp_path / "none", tmp_path, {"command": "/nobody/here"}))
    assert "No such file" in sentence


@pytest.mark.parametrize("noise", ["hello\\n", "\\n\\n", "{\\n", '[1]\\n"x"\\n', "\\xff\\xfe\\n"])
def test_noise_on_the_way_is_no_message(tmp_path: Path, noise: str) -> None:
    code = f"import sys; sys.stdout.write({noise!r}.encode().decode('unicode_escape')); sys.stdout.flush()\n"
    code += (
        "import runpy; sys.argv = ['x', sys.argv[1]]; runpy.run_module('tests.tools.mcp_server', run_name='__main__')"
    )
    args = ["-c", code, str(tmp_path / "ledger")]
    assert "real__echo" in Stand(tmp_path / "ledger", tmp_path, {"command": sys.executable, "args": args}).names()


def test_a_command_finds_its_own_environment_and_not_ours(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURS", "secret")
    more = {"env": {"THEIRS": "given"}}
    found = {name: stand.calling("variable", {"name": name}, more=more).stdout for name in ("OURS", "THEIRS")}
    assert found == {"OURS": "(not set)", "THEIRS": "given"}


def test_a_command_without_a_wall_is_not_run(stand: Stand) -> None:
    with pytest.raises(SandboxUnavailable, match="'real'"):
        stand.names(sandbox=None)
    assert stand.pids() == []


@pytest.mark.parametrize("cwd", ["..", "a/../../b", "/", "/etc"])
def test_a_directory_outside_the_workspace_is_refused(stand: Stand, cwd: str) -> None:
    sentence, status = refused(stand, more={"cwd": cwd})
    assert "mcp_servers.real.cwd" in sentence and status == 400 and stand.pids() == []


@pytest.mark.parametrize("whole", [False, True])
def test_a_directory_of_the_workspace_is_where_the_server_starts(tmp_path: Path, whole: bool) -> None:
    (tmp_path / "sub").mkdir()
    code = "import os, sys; sys.exit(os.getcwd())"
    cwd = str(tmp_path / "sub") if whole else "sub"
    assert f"It said: {tmp_path / 'sub'}" in refused(program(tmp_path, code, cwd=cwd))[0]


@pytest.mark.parametrize("origins", [[], ["*"], ["https://tools.example"]])
def test_an_address_that_nobody_allowed_hears_nothing(tmp_path: Path, origins: list[str]) -> None:
    with serving() as server:
        stand = Stand(tmp_path / "none", tmp_path, {"url": f"{server.url}/mcp"})
        assert refused(stand, origins=origins)[1] == 400
        assert server.seen == []


@pytest.mark.parametrize("name", ["Host", "Cookie", "Transfer-Encoding"])
def test_a_header_of_the_connection_is_refused(tmp_path: Path, name: str) -> None:
    stand = Stand(tmp_path / "none", tmp_path, {"url": "http://127.0.0.1:9/mcp", "headers": {name: "x"}})
    sentence, status = refused(stand)
    assert "mcp_servers.real.headers" in sentence and name in sentence and status == 400


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(200, b"<html>", {"content-type": "text/html"}), "content type"),
        (told({}, 500), "it answered 500"),
        (told({}, 401), "it answered 401 Unauthorized"),
        (told({}, 302, Location="/else"), "not followed"),
        (Answer(200, b"{}", {"content-type": "application/json"}), "Failed to parse"),
        (Answer(-1), "broke before an answer"),
    ],
)
def test_an_address_that_is_no_mcp_server_is_said(tmp_path: Path, answer: Answer, words: str) -> None:
    with serving() as server:
        server.answer = lambda seen: answer  # type: ignore[method-assign]
        sentence, status = refused(Stand(tmp_path / "none", tmp_path, {"url": f"{server.url}/mcp"}))
    assert words in sentence and status == 502 and len(sentence) < 700


def test_an_address_where_nobody_is_is_said(tmp_path: Path) -> None:
    assert "takes no connection" in refused(Stand(tmp_path / "none", tmp_path, {"url": "http://127.0.0.1:9/mcp"}))[0]


def test_no_server_is_no_tool(tmp_path: Path) -> None:
    assert Stand(tmp_path / "none", tmp_path, {}).names(servers={}) == []


@pytest.mark.parametrize(("found", "words"), [("2.2.9", "2.3 or newer, and this is 2.2.9:"), ("1.30.0", "1.30.0")])
def test_an_old_sdk_is_told_with_the_way_to_a_new_one(tmp_path: Path, found: str, words: str) -> None:
    sentence = with_sdk(tmp_path, found)
    assert words in sentence and "pip install 'litellm-codex-agent[mcp]'" in sentence


def test_without_the_sdk_there_is_a_sentence_with_the_way_to_it(tmp_path: Path) -> None:
    assert "2.3 or newer: pip install 'litellm-codex-agent[mcp]'" in with_sdk(tmp_path, "")


def with_sdk(folder: Path, version: str) -> str:
    """What is said where this version of the SDK is the first that Python finds; empty is none at all."""
    code = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from litellm_codex_agent.tools.mcp import opened\n"
        f"sys.path[:] = [each for each in sys.path if {bool(version)} or not any(Path(each).glob('mcp-*.dist-info'))]\n"
        "async def use():\n"
        "    async with opened({}, sandbox=None, workspace=Path('.'), origins=[], seconds=1.0): pass\n"
        "asyncio.run(use())\n"
    )
    if version:
        (folder / f"mcp-{version}.dist-info").mkdir()
        (folder / f"mcp-{version}.dist-info" / "METADATA").write_text(f"Name: mcp\nVersion: {version}\n")
    variables = {**os.environ, "PYTHONPATH": str(folder)}
    argv = [sys.executable, "-c", code]
    done = subprocess.run(argv, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=60)
    return done.stderr.splitlines()[-1]
