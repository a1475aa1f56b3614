"""A workspace for each run: who may ask for which, and that a fresh one is gone afterwards."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from litellm_codex_agent.sandbox.removal import remove
from litellm_codex_agent.tools.source import ToolsUnavailable
from litellm_codex_agent.tools.workspace import USERS, Workspaces, home_of

UID = 60_880
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a directory away")
# Holds a fresh directory until it is killed, or until its input ends.
HOLDER = """
import asyncio, sys
from pathlib import Path
from litellm_codex_agent.tools.workspace import Workspaces, home_of
async def hold():
    async with Workspaces([], Path(sys.argv[1]), None).leased(None, "held") as workspace:
        print(workspace.path, flush=True)
        await asyncio.to_thread(sys.stdin.read)
asyncio.run(hold())
"""


@pytest.fixture
def allowed(tmp_path: Path) -> Path:
    place = tmp_path / "allowed"
    (place / "inside").mkdir(parents=True)
    return place


@pytest.fixture
def workspaces(tmp_path: Path, allowed: Path) -> Workspaces:
    return Workspaces([allowed], tmp_path / "home", None)


def within(act: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(act())


def test_an_allowed_directory_and_what_is_inside_may_be_asked_for(workspaces: Workspaces, allowed: Path) -> None:
    assert workspaces.check(str(allowed)) == allowed.resolve()
    assert workspaces.check(f"{allowed}/inside/../inside/") == allowed.resolve() / "inside"
    assert workspaces.check(None) is None


@pytest.mark.parametrize(
    "asked", ["/", "/etc", "/no/where", "{0}/..", "{0}x", "{0}/out", "{0}/out/x", "inside", "", "\0", "{0}/loop/x"]
)
def test_any_other_directory_is_refused_in_the_same_words(workspaces: Workspaces, allowed: Path, asked: str) -> None:
    (allowed / "out").symlink_to("/etc")
    (allowed / "loop").symlink_to("loop")
    with pytest.raises(ToolsUnavailable, match=r"this server allows\..*CODEX_AGENT_WORKSPACES") as refused:
        workspaces.check(asked.format(allowed))
    assert refused.value.status == 400


def test_an_allowed_path_that_is_no_directory_is_refused(workspaces: Workspaces, allowed: Path) -> None:
    (allowed / "file").write_text("")
    for name in ("file", "missing"):
        with pytest.raises(ToolsUnavailable, match="is no directory") as refused:
            workspaces.check(f"{allowed}/{name}")
        assert refused.value.status == 400


def test_a_link_that_stays_inside_is_followed(workspaces: Workspaces, allowed: Path) -> None:
    (allowed / "link").symlink_to("inside")
    assert workspaces.check(f"{allowed}/link") == allowed.resolve() / "inside"


def test_what_holds_the_servers_own_directories_is_refused(tmp_path: Path) -> None:
    workspaces = Workspaces([tmp_path], tmp_path / "state" / "home", None)
    (tmp_path / "state" / "home" / "x").mkdir(parents=True)
    for asked in (tmp_path, tmp_path / "state", tmp_path / "state" / "home" / "x"):
        with pytest.raises(ToolsUnavailable, match="holds what this server keeps"):
            workspaces.check(str(asked))


def test_a_fresh_directory_is_private_and_gone_afterwards(workspaces: Workspaces, tmp_path: Path) -> None:
    async def act() -> None:
        async with workspaces.leased(None, "run/../1é") as one, workspaces.leased(None, "run/../1é") as other:
            assert one.fresh and one.path != other.path
            assert one.path.name.startswith("run1-") and one.path.parent == (tmp_path / "home").resolve()
            assert stat.S_IMODE(one.path.stat().st_mode) == 0o700
            (one.path / "a").mkdir()
        assert not list((tmp_path / "home").iterdir())

    within(act)


def test_a_fresh_directory_is_gone_after_a_cancel_too(workspaces: Workspaces, tmp_path: Path) -> None:
    async def act() -> None:
        async with workspaces.leased(None, "run") as workspace:
            (workspace.path / "a").write_text("x")
            await asyncio.sleep(60)

    async def cancelled() -> None:
        working = asyncio.ensure_future(act())
        await asyncio.wait({working}, timeout=0.1)
        working.cancel()
        await asyncio.wait({working}, timeout=10)
        assert working.cancelled() and not list((tmp_path / "home").iterdir())

    within(cancelled)


def test_a_home_that_others_can_change_is_not_used(tmp_path: Path) -> None:
    async def act() -> None:
        (tmp_path / "home").mkdir()
        (tmp_path / "home").chmod(0o777)
        with pytest.raises(ToolsUnavailable, match="others can change the directory"):
            async with Workspaces([], tmp_path / "home", None).leased(None, "run"):
                pass

    within(act)


def test_fresh_workspaces_lie_where_whom_commands_run_as_can_come() -> None:
    assert home_of(Path("/state"), None) == Path("/state/workspaces")
    assert home_of(Path("/root/state"), UID) == Path("/var/lib/litellm-codex-agent/workspaces")


def test_what_the_server_keeps_is_lent_to_nobody(tmp_path: Path) -> None:
    for name in ("state/journal", "home", "work"):
        (tmp_path / name).mkdir(parents=True)
    workspaces = Workspaces([tmp_path], tmp_path / "home", None, kept=[tmp_path / "state"])
    for asked in (tmp_path, tmp_path / "state", tmp_path / "state" / "journal", tmp_path / "home"):
        with pytest.raises(ToolsUnavailable, match="holds what this server keeps"):
            workspaces.check(str(asked))
    assert workspaces.check(str(tmp_path / "work")) == (tmp_path / "work").resolve()


@needs_root
def test_beneath_root_each_fresh_directory_belongs_to_an_ordinary_user_of_its_own(tmp_path: Path) -> None:
    async def act() -> None:
        workspaces, states = Workspaces([], tmp_path / "home", UID), []
        async with AsyncExitStack() as stack:
            for number in range(USERS):
                workspace = await stack.enter_async_context(workspaces.leased(None, f"run{number}"))
                states.append(workspace.path.stat())
        assert {state.st_uid for state in states} == set(range(UID, UID + USERS))
        assert all((state.st_gid, stat.S_IMODE(state.st_mode)) == (state.st_uid, 0o700) for state in states)

    within(act)


def test_where_none_can_be_made_a_sentence_says_so(tmp_path: Path) -> None:
    async def act() -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(ToolsUnavailable, match="No workspace can be made") as refused:
            async with Workspaces([], tmp_path / "file" / "home", None).leased(None, "run"):
                pass
        assert refused.value.status == 503

    within(act)


@pytest.mark.parametrize(("first", "second"), [("", ""), ("", "/inside"), ("/inside", "")])
def test_two_runs_never_share_a_directory(workspaces: Workspaces, allowed: Path, first: str, second: str) -> None:
    async def act() -> None:
        async with workspaces.leased(f"{allowed}{first}", "one") as lent:
            assert not lent.fresh
            with pytest.raises(ToolsUnavailable, match="Another run works") as refused:
                async with workspaces.leased(f"{allowed}{second}", "two"):
                    pass
            assert refused.value.status == 409
        async with workspaces.leased(f"{allowed}{second}", "two") as again:
            (again.path / "stays").write_text("")
        assert (again.path / "stays").exists()

    within(act)


def test_two_runs_work_side_by_side_in_two_directories(workspaces: Workspaces, allowed: Path) -> None:
    async def act() -> None:
        (allowed / "inside2").mkdir()
        async with workspaces.leased(f"{allowed}/inside", "one"), workspaces.leased(f"{allowed}/inside2", "two"):
            pass

    within(act)


def test_what_a_dead_server_left_is_removed_and_what_a_living_one_holds_is_not(tmp_path: Path) -> None:
    home = tmp_path / "home"
    argv = [sys.executable, "-c", HOLDER, str(home)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        held = Path(holder.stdout.readline().strip())
        (held / "a").mkdir()
        (home / "file").write_text("")
        (home / "link").symlink_to(tmp_path)
        assert Workspaces([], home, None).clear() == 0
        holder.kill()
        holder.wait(10)
    assert held.exists() and Workspaces([], home, None).clear() == 1
    assert sorted(path.name for path in home.iterdir()) == ["file", "link"]
    assert Workspaces([], tmp_path / "none", None).clear() == 0


def test_a_directory_is_removed_however_deep_it_goes_and_whatever_its_modes(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("")
    root.mkdir()
    (root / "link").symlink_to(outside)
    for number in range(1500):
        (root / f"file{number}").touch()
    descriptor = os.open(root, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d" * 50, dir_fd=descriptor)
        os.symlink(outside, "link2", dir_fd=descriptor)
        inner = os.open("d" * 50, os.O_RDONLY, dir_fd=descriptor)
        os.fchmod(descriptor, 0o000)
        os.close(descriptor)
        descriptor = inner
    os.close(descriptor)
    remove(root)
    assert not root.exists() and (outside / "kept").exists()


def test_what_cannot_be_removed_is_logged_and_breaks_nothing(
    tmp_path: Path, workspaces: Workspaces, caplog: pytest.LogCaptureFixture
) -> None:
    async def act() -> None:
        async with workspaces.leased(None, "run") as workspace:
            workspace.path.rename(tmp_path / "elsewhere")

    within(act)
    assert "could not be removed" in caplog.text
