"""A command behind each wall, and behind none: what comes back of it, and that nothing of it is left."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from pathlib import Path

import pytest

from litellm_codex_agent.sandbox.command import Command, Limits, SandboxUnavailable
from litellm_codex_agent.sandbox.sandbox import Sandbox

from .stage import alive, each_level, each_wall, run, sandbox, workspace

NOBODY_IS_LEFT = "sh -c 'sleep 1234 & sleep 1234'"


@each_level
def test_it_says_what_it_said(level: str, tmp_path: Path) -> None:
    done = run(level, tmp_path, "sh", "-c", "echo out; echo err >&2; exit 3")
    assert (done.rc, done.stdout, done.stderr) == (3, b"out\n", b"err\n")
    assert (done.timed_out, done.isolation, done.said, done.ended) == (False, level, (4, 4), "")


@each_level
def test_it_reads_its_stdin_to_the_end(level: str, tmp_path: Path) -> None:
    data = b"x" * 300_000
    assert run(level, tmp_path, "wc", "-c", stdin=data).stdout.strip() == b"300000"


@each_level
def test_one_that_reads_nothing_of_its_stdin_ends_as_any_other(level: str, tmp_path: Path) -> None:
    assert run(level, tmp_path, "true", stdin=b"x" * 300_000).rc == 0


@each_level
def test_a_program_that_is_not_there_is_a_127_and_names_itself(level: str, tmp_path: Path) -> None:
    done = run(level, tmp_path, "no-such-program")
    assert done.rc == 127
    assert b"no-such-program" in done.stderr


@each_level
def test_a_signal_is_128_and_its_number(level: str, tmp_path: Path) -> None:
    assert run(level, tmp_path, "sh", "-c", "kill -SEGV $$").rc == 139


@each_level
def test_time_that_runs_out_is_a_124_with_what_was_said_until_then(level: str, tmp_path: Path) -> None:
    done = run(level, tmp_path, "sh", "-c", f"echo before; {NOBODY_IS_LEFT}", seconds=0.5)
    assert (done.rc, done.timed_out, done.stdout) == (124, True, b"before\n")


@each_level
def test_one_whose_time_runs_out_may_say_a_last_word(level: str, tmp_path: Path) -> None:
    done = run(level, tmp_path, "sh", "-c", "trap 'echo last; exit' TERM; sleep 100 & wait", seconds=0.5)
    assert (done.rc, done.stdout) == (124, b"last\n")


@each_level
def test_a_cancel_leaves_nothing_when_it_is_over(level: str, tmp_path: Path) -> None:
    box, token = sandbox(level), f"cancelled-{level}-{os.getpid()}"
    place = workspace(box, tmp_path / "workspace")

    async def scene() -> None:
        script = "import os, time; os.fork(); os.fork() or os.setsid(); time.sleep(100)"
        task = asyncio.ensure_future(box.run(Command((box.python, "-c", script, token), place, 100)))
        while len(alive(token)) < 4:
            await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert alive(token) == []

    asyncio.run(asyncio.wait_for(scene(), 60))


@each_level
def test_a_cancel_at_any_moment_of_its_start_leaves_nothing(level: str, tmp_path: Path) -> None:
    box, token = sandbox(level), f"at-once-{level}-{os.getpid()}"
    place = workspace(box, tmp_path / "workspace")

    async def scene() -> None:
        for wait in range(12):
            task = asyncio.ensure_future(box.run(Command(("sh", "-c", "sleep 99 & sleep 99", token), place, 100)))
            await asyncio.sleep(wait / 300)
            task.cancel()
            await asyncio.wait({task}, timeout=30)
            assert task.cancelled()
            assert alive(token) == []

    asyncio.run(scene())


@each_level
def test_what_it_left_in_the_background_is_dead_when_it_has_ended(level: str, tmp_path: Path) -> None:
    token = f"background-{level}-{os.getpid()}"
    script = "import os, sys, time\nif os.fork() == 0:\n  os.setsid()\n  time.sleep(100)"
    assert run(level, tmp_path, sys_python(level), "-c", script, token).rc == 0
    assert alive(token) == []


@each_level
def test_of_too_much_output_the_beginning_and_the_end_are_kept(level: str, tmp_path: Path) -> None:
    done = run(level, tmp_path, "sh", "-c", "echo begin; seq 100000; echo end", limits=Limits(output_bytes=1000))
    assert done.stdout.startswith(b"begin\n1\n")
    assert done.stdout.endswith(b"100000\nend\n")
    assert done.said[0] > 500_000 > len(done.stdout)


@each_level
def test_its_environment_is_built_from_nothing(level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    done = run(level, tmp_path, "env", environment={"MINE": "given"})
    assert b"MINE=given" in done.stdout
    assert b"sk-secret" not in done.stdout
    assert b"TMPDIR=" in done.stdout


@each_level
def test_it_has_a_home_and_a_place_for_temporary_files_that_are_gone_afterwards(level: str, tmp_path: Path) -> None:
    script = "touch $HOME/file $TMPDIR/file; mkdir -p $TMPDIR/a/b; chmod 0 $TMPDIR/a; echo $TMPDIR; ls $HOME"
    done = run(level, tmp_path, "sh", "-c", script)
    private, _, names = done.stdout.decode().strip().partition("\n")
    assert (done.rc, names) == (0, "file")
    assert not Path(private, "file").exists()


@each_level
def test_python_and_git_and_the_text_tools_work(level: str, tmp_path: Path) -> None:
    script = """
    set -e
    python -c 'import json, ssl, socket; print(json.dumps("python"))' > out
    git init -q . && git add out && git -c user.name=me commit -qm first
    git log --oneline | grep -c first; cp -p out copy; chmod +x copy; make --version | head -1; sed s/p/P/ copy
    """
    done = run(level, tmp_path, "bash", "-c", script)
    assert (done.rc, done.stderr) == (0, b"")
    assert done.stdout.splitlines()[0] == b"1"
    assert (tmp_path / "workspace" / "copy").stat().st_mode & 0o100


def test_a_directory_hands_on_its_group_behind_landlock(tmp_path: Path) -> None:
    done = run("landlock", tmp_path, "sh", "-c", "mkdir shared && chmod 2775 shared && stat -c %a shared")
    assert (done.rc, done.stdout) == (0, b"2775\n"), done.stderr


@each_wall
def test_a_workspace_that_may_only_be_read_is_not_written(level: str, tmp_path: Path) -> None:
    done = run(level, tmp_path, "sh", "-c", "touch new || echo refused; touch $TMPDIR/x && echo own", writable=False)
    assert done.stdout == b"refused\nown\n"
    assert list((tmp_path / "workspace").iterdir()) == []


@each_wall
def test_the_network_is_there_where_it_was_given(level: str, tmp_path: Path) -> None:
    script = "import socket, sys; print(socket.create_connection(('127.0.0.1', int(sys.argv[1])), 5))"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        argv = (sys_python(level), "-I", "-c", script, str(listener.getsockname()[1]))
        assert run(level, tmp_path, *argv, network=True).rc == 0
        assert run(level, tmp_path, *argv).rc != 0


@each_level
def test_no_command_line_holds_what_it_was_given_in_its_environment(level: str, tmp_path: Path) -> None:
    box = sandbox(level)
    command = Command(("cat",), workspace(box, tmp_path / "workspace"), 10, environment={"KEY": "secret-value"})
    assert "secret-value" not in json.dumps(box.wall.argv(command, None))


@each_wall
def test_beneath_root_a_workspace_of_roots_is_refused_with_what_mends_it(level: str, tmp_path: Path) -> None:
    box = sandbox(level)
    if box.uid is None:
        pytest.skip("needs root")
    with pytest.raises(SandboxUnavailable, match=f"chown -R {box.uid}:{box.uid} {tmp_path}"):
        asyncio.run(box.run(Command(("true",), tmp_path, 10)))


def sys_python(level: str) -> str:
    box: Sandbox = sandbox(level)
    assert box.python == sys.executable or level == "landlock"
    return box.python


def test_a_program_finds_its_own_name_without_a_network(tmp_path: Path) -> None:
    done = run("bwrap", tmp_path, "python", "-c", "import socket as s; print(s.gethostbyname(s.gethostname()))")
    assert done.stdout == b"127.0.0.1\n"
