"""Files without a name: nobody who opens one changes it, and the lifeline ends with its server and by nobody else."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from litellm_codex_agent.sandbox.in_memory import in_memory, lifeline

from .stage import PACKAGE, as_ordinary, sandbox, workspace

# What a command finds of the lifeline in the processes beside it, it writes to, and it kills the watcher.
HOSTILE = """
import fcntl, os, time
time.sleep(1)
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        line = os.open(f"/proc/{pid}/fd/6", os.O_RDWR)
        print("opened", flush=True)
        if pid not in ("1", str(os.getpid())):
            os.kill(int(pid), 9)
        fcntl.flock(line, fcntl.LOCK_UN)
        os.write(line, b"\\n" * 20)
    except OSError:
        pass
print("tried")
"""
VICTIM = "import time; time.sleep(3); print('fine')"
# A server of its own, with two commands at once, and one afterwards.
SERVER = """
import asyncio, sys
from pathlib import Path
from litellm_codex_agent.sandbox.command import Command
from litellm_codex_agent.sandbox.walls import made
box = made("bwrap")
async def main():
    def run(each):
        return box.run(Command((box.python, "-c", each), Path(sys.argv[1]), 20))
    done = [*await asyncio.gather(*map(run, sys.argv[2:])), await run("print('later')")]
    print([(each.rc, each.stdout.split()[-1:]) for each in done])
asyncio.run(main())
"""
UNHARMED = "[(0, [b'tried']), (0, [b'fine']), (0, [b'later'])]"


def test_no_command_ends_another_by_the_lifeline(tmp_path: Path) -> None:
    place = workspace(sandbox("bwrap"), tmp_path / "workspace")
    argv = [sys.executable, "-c", SERVER, str(place), HOSTILE, VICTIM]
    done = subprocess.run(argv, cwd=PACKAGE.parent, capture_output=True, text=True)
    assert done.stdout.strip() == UNHARMED, done.stderr


def test_no_command_of_an_ordinary_user_ends_another_by_the_lifeline(tmp_path: Path) -> None:
    sandbox("bwrap")
    tmp_path.chmod(0o755)
    make = f"import pathlib, sys, tempfile\nsys.argv[1] = tempfile.mkdtemp()\n{SERVER}"
    done = as_ordinary(tmp_path, "-c", make, "", HOSTILE, VICTIM)
    if "SandboxUnavailable" in done.stderr or "(1, []" in done.stdout:
        pytest.skip("no namespaces for an ordinary user here")
    assert done.stdout.strip() == UNHARMED, done.stderr


def test_the_lifeline_is_waited_for_until_its_server_is_dead() -> None:
    script = "from litellm_codex_agent.sandbox.in_memory import lifeline; print(lifeline(), flush=True); input()"
    pipe = subprocess.PIPE
    argv = [sys.executable, "-c", script]
    with subprocess.Popen(argv, cwd=PACKAGE.parent, stdin=pipe, stdout=pipe, text=True) as server:
        assert server.stdout is not None
        with Path(server.stdout.readline().strip()).open() as line:
            with pytest.raises(BlockingIOError):
                fcntl.flock(line, fcntl.LOCK_SH | fcntl.LOCK_NB)
            server.kill()
            server.wait()
            fcntl.flock(line, fcntl.LOCK_SH | fcntl.LOCK_NB)


@pytest.mark.parametrize("path", [in_memory(b"content"), lifeline()])
def test_whoever_opens_a_file_in_memory_cannot_change_it(path: str) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        for change in (
            lambda: os.write(descriptor, b"x"),
            lambda: os.truncate(descriptor, 0 if os.fstat(descriptor).st_size else 9),
        ):
            with pytest.raises(PermissionError):
                change()
        # Nor can anybody seal it further.
        with pytest.raises(PermissionError):
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE)
    finally:
        os.close(descriptor)


def test_what_has_the_same_content_is_one_file() -> None:
    assert in_memory(b"same") == in_memory(b"same") != in_memory(b"other")
    assert Path(in_memory(b"same")).read_bytes() == b"same"
