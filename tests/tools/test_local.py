"""The tools of this machine, behind each wall that works here and behind none."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from litellm_codex_agent.sandbox.command import SandboxUnavailable
from litellm_codex_agent.tools.changes import Snapshot, changes
from litellm_codex_agent.tools.commands import DEFAULT_COMMANDS
from litellm_codex_agent.tools.local import opened
from litellm_codex_agent.tools.source import MAX_WHOLE_BYTES, Call, Source
from litellm_codex_agent.tools.workspace import Workspaces

from .walls import LEVELS, WALLS, Use, sandbox, used

NAMES = ["exec_python", "exec_shell", "read_file", "write_file", "edit_file", "list_files", "search_files"]
SECRET = "the secret of the server"

at_each_level = pytest.mark.parametrize("level", LEVELS)
behind_each_wall = pytest.mark.parametrize("level", WALLS)


@pytest.fixture
def workspace() -> Iterator[Path]:
    # Pytest's own directories are closed to whom commands run as beneath root.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        (Path(folder) / "secret").write_text(SECRET)
        place = Path(folder) / "workspace"
        place.mkdir()
        yield place


@at_each_level
def test_files_are_written_edited_read_listed_and_searched(level: str, workspace: Path) -> None:
    async def act(source: Source, use: Use) -> None:
        assert [tool.name for tool in source.tools] == NAMES
        assert (await use("write_file", path="src/a.py", content="x = 'é'\ny = 2\n")).ok
        assert (await use("edit_file", path="src/a.py", old_text="y = 2", new_text="y = 3")).ok
        assert (await use("read_file", path="src/a.py", offset=2)).stdout == "y = 3\n"
        assert (await use("list_files", pattern="*.py")).stdout == "src/a.py\n"
        found = await use("search_files", pattern="é")
        assert (found.stdout, found.isolation, found.ok) == ("src/a.py:1: x = 'é'\n", level, True)

    used(level, workspace, act)
    assert (workspace / "src" / "a.py").read_text() == "x = 'é'\ny = 3\n"


@at_each_level
def test_a_program_says_how_it_ended(level: str, workspace: Path) -> None:
    async def act(source: Source, use: Use) -> None:
        code = "import sys\nprint('é')\nprint('why', file=sys.stderr)\nopen('made', 'w').close()\nsys.exit(3)"
        done = await use("exec_python", code=code)
        assert (done.rc, done.stdout, done.stderr, done.isolation) == (3, "é\n", "why\n", level)
        assert (await use("exec_shell", command=["ls", "-1"])).stdout == "made\n"
        assert (await use("exec_shell", command="ls 'ma'de")).stdout == "made\n"
        assert (await use("exec_shell", command=["nl", "nowhere"])).rc == 1

    used(level, workspace, act)


@behind_each_wall
def test_a_line_is_read_by_a_shell_that_has_nothing_left_of_the_line_before(level: str, workspace: Path) -> None:
    async def act(source: Source, use: Use) -> None:
        await use("exec_shell", command="mkdir a; cd a; X=1; export X")
        done = await use("exec_shell", command="echo b a | tr ' ' '\\n' | sort > out; cat out; echo \"$X\"; pwd")
        assert done.stdout == f"a\nb\n\n{workspace}\n"

    used(level, workspace, act)


@at_each_level
def test_time_that_runs_out_leaves_what_was_said_until_then(level: str, workspace: Path) -> None:
    async def act(source: Source, use: Use) -> None:
        done = await use("exec_python", code="import time\nprint('before')\ntime.sleep(99)", timeout=1)
        assert (done.rc, done.stdout, done.timed_out, done.ok) == (124, "before\n", True, False)
        assert done.error == "It was ended after 1 s."
        (workspace / "a").write_text("a" * 40)
        done = await use("search_files", pattern="(a+)+b")
        assert (done.rc, done.timed_out, done.error) == (124, True, "It was ended after 2 s.")

    used(level, workspace, act, seconds=2.0)


@at_each_level
def test_a_command_that_is_not_allowed_is_not_run(level: str, workspace: Path) -> None:
    async def act(source: Source, use: Use) -> None:
        for command in ("touch made", ["/usr/bin/touch", "made"]):
            done = await use("exec_shell", command=command)
            assert (done.rc, done.isolation) == (126, level)
            assert "touch` is not allowed here. Allowed are: ls." in done.error
        assert (await use("exec_python", code="1")).error == "There is no tool 'exec_python' here."

    used(level, workspace, act, commands=["ls"])
    assert not list(workspace.iterdir())


def test_without_a_wall_there_is_no_shell(workspace: Path) -> None:
    async def act(source: Source, use: Use) -> None:
        for command in ("ls; ls", "ls > x", "bash -c ls", ["sh", "-c", "ls"]):
            assert "no shell without a sandbox" in (await use("exec_shell", command=command)).error

    used("none", workspace, act, commands=[*DEFAULT_COMMANDS, "bash", "sh"])


@at_each_level
def test_no_link_leads_a_file_tool_outside(level: str, workspace: Path) -> None:
    (workspace / "file").symlink_to(workspace.parent / "secret")
    (workspace / "folder").symlink_to(workspace.parent)

    async def act(source: Source, use: Use) -> None:
        for path in ("file", "folder/secret", str(workspace.parent / "secret"), "../secret"):
            done = await use("read_file", path=path)
            assert SECRET not in done.told() and "lies outside of the workspace" in done.error
            assert (await use("edit_file", path=path, old_text="secret", new_text="x")).rc == 1
            assert (await use("write_file", path=path, content="x")).rc == 1
        assert (await use("list_files", path="folder")).rc == 1
        assert SECRET not in (await use("search_files", pattern="secret")).told()

    used(level, workspace, act)
    assert (workspace.parent / "secret").read_text() == SECRET


@behind_each_wall
def test_no_link_leads_a_program_outside(level: str, workspace: Path) -> None:
    (workspace / "file").symlink_to(workspace.parent / "secret")

    async def act(source: Source, use: Use) -> None:
        for done in (
            await use("exec_shell", command="cat file ../secret"),
            await use("exec_python", code="print(open('file').read())"),
        ):
            assert done.rc and SECRET not in done.told()

    used(level, workspace, act)


@at_each_level
def test_what_is_planted_in_the_workspace_runs_in_no_file_tool(level: str, workspace: Path) -> None:
    for name in ("json.py", "sitecustomize.py", "pathlib.py", "inside.py"):
        (workspace / name).write_text("open('planted', 'w').close()\n")

    async def act(source: Source, use: Use) -> None:
        for name, arguments in (
            ("list_files", {}),
            ("read_file", {"path": "json.py"}),
            ("search_files", {"pattern": "x"}),
        ):
            assert (await use(name, **arguments)).ok

    used(level, workspace, act)
    assert not (workspace / "planted").exists()


@behind_each_wall
def test_a_workspace_that_is_not_to_be_changed_is_not(level: str, workspace: Path) -> None:
    (workspace / "a").write_text("old")

    async def act(source: Source, use: Use) -> None:
        assert [tool.name for tool in source.tools] == [
            name for name in NAMES if not name.startswith(("write", "edit"))
        ]
        assert (await use("read_file", path="a")).stdout == "old"
        assert (await use("exec_shell", command="touch b; rm a; mktemp")).stdout.startswith("/tmp/")
        assert (await use("exec_python", code="open('a', 'w')")).rc == 1
        assert "There is no tool" in (await use("write_file", path="a", content="x")).error

    used(level, workspace, act, writable=False)
    assert [path.name for path in workspace.iterdir()] == ["a"] and (workspace / "a").read_text() == "old"


@at_each_level
def test_of_much_output_the_beginning_and_the_end_are_kept(level: str, workspace: Path) -> None:
    async def act(source: Source, use: Use) -> None:
        for said in (
            "print('a' + 'x' * 3_000_000 + 'z')",
            "import os\nos.write(1, b'a' + b'\\xff' * 1_000_000 + b'z')",
        ):
            done = await use("exec_python", code=said)
            assert MAX_WHOLE_BYTES - 200 < len(done.stdout.encode()) <= MAX_WHOLE_BYTES
            assert (done.stdout[0], done.stdout.strip()[-1]) == ("a", "z") and "bytes left out ...]" in done.stdout

    used(level, workspace, act)


@at_each_level
def test_calls_side_by_side_have_each_its_own_result(level: str, workspace: Path) -> None:
    async def act(source: Source, use: Use) -> None:
        calls = (use("exec_python", code=f"print({number})") for number in range(6))
        assert [done.stdout for done in await asyncio.gather(*calls)] == [f"{number}\n" for number in range(6)]

    used(level, workspace, act)


@at_each_level
def test_a_call_that_is_cancelled_leaves_no_process(level: str, workspace: Path) -> None:
    async def act(source: Source, use: Use) -> None:
        program = "import time; open('started', 'w'); time.sleep(300)"
        calling = asyncio.ensure_future(use("exec_shell", command=["python", "-c", program, str(workspace)]))
        while not (workspace / "started").exists():
            await asyncio.wait({calling}, timeout=0.05)
            assert not calling.done()
        calling.cancel()
        await asyncio.wait({calling}, timeout=60)
        assert calling.cancelled() and not running(str(workspace))

    used(level, workspace, act)


def running(mark: str) -> list[bytes]:
    """The command lines of this machine's processes that hold the mark."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found.append(place.read_bytes())
    return [line for line in found if mark.encode() in line]


@at_each_level
def test_code_of_any_length_runs_and_half_a_character_does_not(level: str, workspace: Path) -> None:
    async def act(source: Source, use: Use) -> None:
        assert (await use("exec_python", code=f"x = '{'y' * 300_000}'\nprint(len(x))")).stdout == "300000\n"
        assert "half of a character" in (await use("exec_python", code="'\ud83d'")).error
        assert "half of a character" in (await use("write_file", path="a", content="\ud83d")).error

    used(level, workspace, act)


@pytest.mark.skipif(not shutil.which("node", path="/usr/bin:/usr/local/bin"), reason="needs node")
@behind_each_wall
def test_node_runs_where_it_is_allowed(level: str, workspace: Path) -> None:
    async def act(source: Source, use: Use) -> None:
        assert (await use("exec_shell", command="node -e 'console.log(1 + 1)'")).stdout == "2\n"

    used(level, workspace, act, commands=["node"])


@at_each_level
def test_a_workspace_that_is_not_there_is_told_before_any_call(level: str, workspace: Path) -> None:
    async def act() -> None:
        async with opened(sandbox(level), workspace / "nowhere"):
            pass

    with pytest.raises((SandboxUnavailable, OSError)):
        asyncio.run(act())


@pytest.mark.skipif(os.geteuid() != 0, reason="only beneath root commands run as another user")
@behind_each_wall
def test_a_workspace_of_roots_is_refused_with_the_command_that_mends_it(level: str, workspace: Path) -> None:
    async def act() -> None:
        async with opened(sandbox(level), workspace):
            pass

    with pytest.raises(SandboxUnavailable, match=f"chown -R .* {workspace}"):
        asyncio.run(act())


@pytest.mark.skipif(os.geteuid() != 0, reason="only beneath root commands run as another user")
def test_a_workspace_behind_a_closed_directory_is_refused_with_its_name(workspace: Path) -> None:
    workspace.parent.chmod(0o700)

    async def act(source: Source, use: Use) -> None:
        raise AssertionError("it cannot be opened")

    with pytest.raises(SandboxUnavailable, match=f"cannot enter {workspace.parent}"):
        used("landlock", workspace, act)


@at_each_level
def test_a_fresh_workspace_can_be_worked_in_and_is_gone_afterwards(level: str, workspace: Path) -> None:
    wall = sandbox(level)

    async def act() -> None:
        workspaces = Workspaces([], workspace / "home", wall.uid)
        async with workspaces.leased(None, "run") as fresh, opened(wall, fresh.path) as source:
            call = Call("1", "exec_shell", {"command": ["mkdir", "-p", "a/b"]})
            assert (await source.call(call, 60.0)).ok and (fresh.path / "a" / "b").is_dir()
        assert not list((workspace / "home").iterdir())

    asyncio.run(act())


@behind_each_wall
def test_git_works_in_the_workspace_and_nothing_of_it_runs_in_the_server(level: str, workspace: Path) -> None:
    planted = "[core]\n\tfsmonitor = touch planted-by-fsmonitor\n\thooksPath = hooks\n"
    before = Snapshot.take(workspace)

    async def act(source: Source, use: Use) -> None:
        done = await use(
            "exec_shell",
            command="git init -q . && echo x > a && git add a && git -c user.name=x commit -qm a && git log --oneline",
        )
        assert done.ok and done.stdout.endswith(" a\n")
        assert (await use("write_file", path=".git/config", content=planted)).ok
        for name in ("list_files", "search_files"):
            await use(name, **({"pattern": "x"} if name == "search_files" else {}))

    used(level, workspace, act)
    assert [(change.path, change.kind) for change in changes(before, workspace)] == [("a", "added")]
