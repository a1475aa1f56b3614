"""`python -m benchmarks.sandbox [level ...]`: what each wall costs, over the same command without one, in one run.

Rounds of all in turn, and each round's difference to its own bare command: a machine that is busy is so for both.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from litellm_codex_agent.sandbox.command import Command
from litellm_codex_agent.sandbox.levels import LEVELS, surveyed
from litellm_codex_agent.sandbox.owner import ordinary
from litellm_codex_agent.sandbox.sandbox import Sandbox
from litellm_codex_agent.sandbox.walls import made

from .table import Figure, Row, spread, text

__all__ = ["main"]

ROUNDS = 60
WARM_UP = 5
# In milliseconds over a bare command; none has no aim.
AIMS = {"bwrap": 25, "landlock": 60}
COMMAND = "true"


async def _bare(_: Path) -> None:
    child = await asyncio.create_subprocess_exec(
        COMMAND, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    await child.communicate()


async def _timed(boxes: Sequence[Sandbox], workspace: Path) -> list[list[float]]:
    """Milliseconds of each round: the bare command's, then each wall's."""
    rounds = []
    for _ in range(WARM_UP + ROUNDS):
        began = time.perf_counter()
        await _bare(workspace)
        times = [time.perf_counter() - began]
        for box in boxes:
            began = time.perf_counter()
            finished = await box.run(Command((COMMAND,), workspace, 30.0))
            times.append(time.perf_counter() - began)
            assert finished.rc == 0, finished
        rounds.append([each * 1e3 for each in times])
    return rounds[WARM_UP:]


def _row(box: Sandbox, bare: Sequence[float], walled: Sequence[float]) -> Row:
    over = spread([mine - theirs for mine, theirs in zip(walled, bare, strict=True)])
    aim = AIMS.get(box.level)
    figures = (Figure("ms over a bare one", over.middle, aim),) if aim else ()
    return Row(
        f"sandbox-{box.level}",
        f"`{COMMAND}` at level {box.level}",
        figures,
        f"{over} ms over a bare one, which takes {spread(bare)} ms; {spread(walled)} ms in all",
    )


async def _boxes(levels: Sequence[str]) -> list[Sandbox]:
    found = []
    for level in levels:
        box = made("none") if level == "none" else await surveyed(level)
        if isinstance(box, str):
            print(f"{level}: {box}", file=sys.stderr)
        else:
            found.append(box)
    return found


@contextmanager
def _workspace() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        # Whom commands run as beneath root has to come through.
        Path(name).chmod(0o755)
        workspace = Path(name) / "workspace"
        workspace.mkdir()
        if (uid := ordinary()) is not None:
            os.chown(workspace, uid, uid)
        yield workspace


async def _measured(levels: Sequence[str]) -> list[Row]:
    boxes = await _boxes(levels)
    with _workspace() as workspace:
        bare, *walled = zip(*await _timed(boxes, workspace), strict=True)
    return [_row(box, bare, times) for box, times in zip(boxes, walled, strict=True)]


def main(arguments: list[str] | None = None) -> int:
    """Measure what is named, or every level that works here."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sandbox", description=__doc__)
    parser.add_argument("level", nargs="*", choices=[*LEVELS, []], help="which levels; all if none is named")
    options = parser.parse_args(arguments)
    print(text(asyncio.run(_measured(options.level or LEVELS))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
