"""No directory for temporary files stays behind, whoever was killed, and none that is in use is taken away."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
from pathlib import Path

import pytest

from litellm_codex_agent.sandbox.command import Command
from litellm_codex_agent.sandbox.leavings import sweep
from litellm_codex_agent.sandbox.processes import descendants
from litellm_codex_agent.sandbox.spoken import spoken

from .stage import sandbox, workspace

LITTER = 'mkdir -p "$TMPDIR/a/b"; touch "$TMPDIR/a/b/c"; chmod 0 "$TMPDIR/a" "$TMPDIR"; echo $TMPDIR; echo $TMPDIR >&2'
KILLED = pytest.mark.parametrize("level", ["landlock", "none"])


def launchers(token: str) -> list[int]:
    """Those of our children that are not the command itself, told by the one that they started."""
    found = []
    for pid in descendants(os.getpid()):
        told = Path(f"/proc/{pid}/cmdline")
        if told.exists() and token.encode() in told.read_bytes():
            found.append(int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]))
    return found


@KILLED
def test_a_command_whose_launcher_is_killed_leaves_no_file(level: str, tmp_path: Path) -> None:
    box, token = sandbox(level), f"left-{level}-{os.getpid()}"
    argv = ("sh", "-c", f"{LITTER}; exec sleep 99", token)

    async def scene() -> str:
        running = asyncio.ensure_future(box.run(Command(argv, workspace(box, tmp_path / "workspace"), 30)))
        while not (found := [pid for pid in launchers("sleep\x0099") if pid != os.getpid()]):
            await asyncio.sleep(0.01)
        os.kill(found[0], signal.SIGKILL)
        done = await running
        assert done.rc == 128 + signal.SIGKILL
        return done.stdout.decode().strip()

    private = Path(asyncio.run(asyncio.wait_for(scene(), 30)))
    assert private.name.startswith("codex-agent-")
    assert not os.path.lexists(private)


@KILLED
def test_nor_does_one_that_is_spoken_to(level: str, tmp_path: Path) -> None:
    box = sandbox(level)
    command = Command(("sh", "-c", f"{LITTER}; exec sleep 99"), workspace(box, tmp_path / "workspace"), 30)

    async def scene() -> Path:
        async with spoken(box, command) as child:
            line = await child.lines(4096).__anext__()
            os.kill(child.pid, signal.SIGKILL)
            await child.exited
            return Path(line.data.decode())

    assert not os.path.lexists(asyncio.run(asyncio.wait_for(scene(), 30)))


def left(directory: Path, number: int) -> Path:
    path = directory / f"codex-agent-{number}-{number:016x}"
    (path / "home" / "deep").mkdir(parents=True)
    return path


def test_what_an_earlier_server_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    gone, shut, held = (left(tmp_path, number) for number in (1, 2, 3))
    (shut / "home").chmod(0)
    shut.chmod(0)
    kept = tmp_path / "kept"
    kept.mkdir()
    (tmp_path / f"codex-agent-4-{4:016x}").symlink_to(kept)
    (tmp_path / "codex-agent-5").mkdir()
    (tmp_path / f"codex-agent-6-{6:016x}").touch()
    before = {path.name for path in tmp_path.iterdir()}
    descriptor = os.open(held, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    sweep(tmp_path)
    # Too young to be left.
    assert {path.name for path in tmp_path.iterdir()} == before
    sweep(tmp_path, young=0)
    os.close(descriptor)
    assert before - {path.name for path in tmp_path.iterdir()} == {gone.name, shut.name}
    assert kept.is_dir()
