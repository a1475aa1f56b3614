"""The hostile probes: each attack run behind a wall, and what came of it. `codex-agent sandbox --probes` prints them.

Law: a probe holds only where its attack has run to its end and has failed, so what it did outside is looked at, too.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from .attacks import ATTACKS, program
from .command import Command, Finished, Limits
from .sandbox import Sandbox
from .scene import Scene, set_up

__all__ = ["OUTLIVING", "PROBES", "held"]

_MIB = 2**20
# Enough for each attack; a machine may be busy.
SECONDS = 30.0
SOON = 1.5
# In which a tree has to be dead after its server was killed.
DEATH_SECONDS = 10.0
# Small enough that reaching them hurts nobody.
LIMITS = Limits(processes=64, memory_bytes=400 * _MIB, file_bytes=16 * _MIB, disk_bytes=64 * _MIB, descriptors=100)
OUTLIVING = "survive the server's SIGKILL"
PROBES = (*ATTACKS, OUTLIVING)
# A server of its own, which the probe kills while a command of it runs.
_SERVER = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from litellm_codex_agent.sandbox.command import Command
from litellm_codex_agent.sandbox.walls import made
sandbox = made(sys.argv[2])
argv = (sandbox.python, "-I", "-S", "-c", sys.argv[3], sys.argv[4])
asyncio.run(sandbox.run(Command(argv, Path(sys.argv[5]), 100.0, stdin=sys.stdin.buffer.read())))
"""


@dataclass(frozen=True)
class _Attempt:
    finished: Finished
    limits: Limits

    @property
    def words(self) -> list[str]:
        """What the attack says that it could do."""
        lines = self.finished.stdout.decode(errors="replace").splitlines()
        return [line.removeprefix("got ") for line in lines if line.startswith("got ")]

    @property
    def ran(self) -> bool:
        return b"tried" in self.finished.stdout


async def held(sandbox: Sandbox, name: str) -> str:
    """Empty where that probe holds; else what the attack could do, or that it did not run."""
    with set_up(sandbox.uid) as scene:
        if name == OUTLIVING:
            return await _outlived(sandbox, scene)
        attempt = _Attempt(await _let_loose(sandbox, scene, name), LIMITS)
        found = [*attempt.words, *scene.broken()]
        # Where a launcher fails to kill, what it left would be seen here at once.
        found += [f"{len(alive)} processes are left"] if (alive := _alive(scene.token)) else []
    judge = _JUDGES.get(name, _ran)
    return "; ".join(filter(None, [*found, judge(attempt)]))


async def _let_loose(sandbox: Sandbox, scene: Scene, name: str) -> Finished:
    limits = replace(LIMITS, address_space=None) if name == "a memory bomb" else LIMITS
    seconds = SOON if name == "survive a timeout" else SECONDS
    argv = (sandbox.python, "-I", "-S", "-c", program(name), scene.token)
    command = Command(argv, scene.workspace, seconds, limits=limits, environment=_given(scene, name))
    facts = scene.facts(limits, os.getpid(), sandbox.wall.environment(command))
    return await sandbox.run(replace(command, stdin=facts))


def _given(scene: Scene, name: str) -> Mapping[str, str]:
    asked = {"LD_DEBUG": "all", "LD_DEBUG_OUTPUT": str(scene.root / "loaded")}
    return asked if name == "load into the wall's own processes" else {}


async def _outlived(sandbox: Sandbox, scene: Scene) -> str:
    package = str(Path(__file__).parents[2])
    argv = ["-c", _SERVER, package, sandbox.level, program("survive a timeout"), scene.token, str(scene.workspace)]
    server = await asyncio.create_subprocess_exec(
        sys.executable, *argv, env={"SECRET": scene.token}, stdin=asyncio.subprocess.PIPE
    )
    if server.stdin is not None:
        server.stdin.write(scene.facts(LIMITS, os.getpid(), ()))
        server.stdin.close()
    # Three that left, and the one that they came from; and the server itself, whose argv has the token too.
    began = await _until(lambda: len(_alive(scene.token)) >= 5)
    server.kill()
    await server.wait()
    ended = await _until(lambda: not _alive(scene.token))
    return "" if began and ended else "it did not run" if not began else f"{len(_alive(scene.token))} processes live on"


async def _until(come: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + DEATH_SECONDS
    while time.monotonic() < deadline:
        if come():
            return True
        await asyncio.sleep(0.05)
    return False


def _alive(token: str) -> list[int]:
    """The processes that have it in their command line; one that is dead has none any more."""
    found = list[int]()
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            try:
                if token.encode() in (process / "cmdline").read_bytes():
                    found.append(int(process.name))
            except OSError:
                continue
    return found


def _ran(attempt: _Attempt) -> str:
    said = attempt.finished.stderr.decode(errors="replace").strip().rpartition("\n")[2]
    return "" if attempt.ran else f"it did not run: {said or attempt.finished.rc}"


def _ended(attempt: _Attempt) -> str:
    return _ran(attempt) or ("" if attempt.finished.ended else "nobody ended it")


def _timed_out(attempt: _Attempt) -> str:
    return _ran(attempt) or ("" if attempt.finished.timed_out else "it ended by itself")


def _cut(attempt: _Attempt) -> str:
    kept, said = len(attempt.finished.stdout), attempt.finished.said[0]
    return "" if said > 300 * 10**6 and kept < 2 * attempt.limits.output_bytes else f"kept {kept:,} of {said:,} bytes"


_JUDGES: Mapping[str, Callable[[_Attempt], str]] = {
    "survive a timeout": _timed_out,
    "a memory bomb": _ended,
    "a disk bomb": _ended,
    "a disk bomb without names": _ended,
    "300 MB of output": _cut,
}
