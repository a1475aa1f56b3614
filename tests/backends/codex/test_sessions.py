"""Sessions: kept on the disk, apart by tenant, and one run at a time in each."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from litellm_codex_agent.backends.codex.sessions import Session, Sessions, digest, prune, tidy

from .playing import play

THREAD = "0199b7a1-1111-7000-8000-000000000001"


async def thread_of(sessions: Sessions, tenant: str, name: str, *, keep: str = "") -> str:
    async with sessions.taken(tenant, name) as session:
        if keep:
            session.keep(keep)
        return session.thread()


def test_a_session_goes_on_after_a_restart_and_is_its_tenants_alone(tmp_path: Path) -> None:
    async def scene() -> list[str]:
        folder = tmp_path / "state" / "sessions"
        assert await thread_of(Sessions(folder), "a", "chat", keep=THREAD) == THREAD
        again = Sessions(folder)
        return [await thread_of(again, *who) for who in (("a", "chat"), ("b", "chat"), ("a", "other"), ("achat", ""))]

    assert play(scene) == [THREAD, "", "", ""]
    assert len(list((tmp_path / "state" / "sessions").iterdir())) == 1


def test_a_run_without_a_name_stands_alone_and_leaves_nothing(tmp_path: Path) -> None:
    async def scene() -> None:
        async with Sessions(tmp_path / "none").taken("a", "") as session:
            session.keep(THREAD)
            session.forget()
            assert session.thread() == ""

    play(scene)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("broken", [b"", b"\xff\xfe", b"../../etc/passwd\n", b"x" * 65, b"two words\n"])
def test_a_broken_file_is_a_new_session(tmp_path: Path, broken: bytes) -> None:
    path = tmp_path / "session"
    path.write_bytes(broken)
    session = Session(path)
    assert session.thread() == ""
    session.keep(THREAD)
    assert session.thread() == THREAD
    session.forget()
    assert session.thread() == "" and not path.exists()


def test_one_run_at_a_time_works_in_a_session_and_one_that_waits_may_leave(tmp_path: Path) -> None:
    async def scene() -> None:
        sessions = Sessions(tmp_path)
        async with sessions.taken("a", "chat"):
            waiting = [asyncio.ensure_future(thread_of(sessions, "a", "chat", keep=THREAD)) for _ in range(2)]
            assert await thread_of(sessions, "b", "chat") == ""
            await asyncio.wait(waiting, timeout=0.05)
            assert not any(each.done() for each in waiting)
            waiting[0].cancel()
        assert await waiting[1] == THREAD and waiting[0].cancelled()

    play(scene)


def test_parts_of_a_name_do_not_run_into_each_other() -> None:
    assert len({digest("a", "b"), digest("ab"), digest("", "ab"), digest("a\ud800")}) == 4


@pytest.fixture
def kept(tmp_path: Path) -> dict[str, Path]:
    """A session and a thread, each of long ago and of now, a link and a file that is no thread."""
    day = tmp_path / "homes" / "a" / "sessions" / "2026" / "01" / "02"
    day.mkdir(parents=True)
    (folder := tmp_path / "sessions").mkdir()
    paths = {
        "old session": folder / "1",
        "new session": folder / "2",
        "link": folder / "3",
        "old thread": day / "rollout-1.jsonl",
        "new thread": day / "rollout-2.jsonl",
        "database": tmp_path / "homes" / "a" / "state.sqlite",
    }
    paths["link"].symlink_to(paths["database"])
    for name, path in paths.items():
        if name != "link":
            path.touch()
            os.utime(path, (300, 300) if name.startswith("new") else (100, 100))
    return paths


def test_old_sessions_and_threads_are_removed_and_nothing_else(tmp_path: Path, kept: dict[str, Path]) -> None:
    assert prune(tmp_path / "sessions", tmp_path / "homes", 200.0) == 2
    assert {name for name, path in kept.items() if not path.exists()} == {"old session", "old thread"}


def test_where_nothing_was_kept_there_is_nothing_to_say(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert prune(tmp_path / "none", tmp_path / "none", 200.0) == 0
    assert not caplog.records


def test_a_home_without_a_conversation_goes_with_its_server_and_others_stay(tmp_path: Path) -> None:
    day = tmp_path / "homes" / "kept" / "sessions" / "2026" / "01" / "02"
    day.mkdir(parents=True)
    (day / "rollout-1.jsonl").touch()
    (tmp_path / "homes" / "empty" / "sessions" / "2026").mkdir(parents=True)
    tidy(tmp_path / "homes")
    assert [home.name for home in (tmp_path / "homes").iterdir()] == ["kept"]
    (day / "rollout-1.jsonl").unlink()
    tidy(tmp_path / "homes")
    assert not (tmp_path / "homes").exists()


def test_homes_that_never_were_are_tidy(tmp_path: Path) -> None:
    tidy(tmp_path / "none")
