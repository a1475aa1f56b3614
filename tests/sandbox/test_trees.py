"""Trees of processes that nobody foresaw: whatever they do, and however they are ended, none of them is left."""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

import pytest

from litellm_codex_agent.sandbox.command import Command
from litellm_codex_agent.sandbox.sandbox import Sandbox

from ..soak import size
from .stage import alive, each_level, sandbox, workspace

TREES = size(12, 200)
# Grows a tree from a seed: forks, leaves sessions and parents, ignores signals, becomes another program, makes threads.
GROW = """
import os, random, signal, sys, threading, time
chance = random.Random(sys.argv[1])
token = sys.argv[2]
def stay():
    while True:
        time.sleep(1)
def grow(depth):
    for _ in range(chance.randint(0, 3)):
        try:
            if os.fork():
                if chance.random() < 0.3 and depth:
                    os._exit(0)
                continue
        except OSError:
            return
        chance.seed(f"{chance.random()}{depth}")
        if chance.random() < 0.4:
            os.setsid()
        if chance.random() < 0.4:
            for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                signal.signal(number, signal.SIG_IGN)
        if chance.random() < 0.2:
            threading.Thread(target=stay, daemon=True).start()
        if depth < 4:
            grow(depth + 1)
        if chance.random() < 0.2:
            os.execv("/bin/sh", ["sh", "-c", "sleep 300 & sleep 300", token])
        stay()
grow(0)
if chance.random() < 0.7:
    stay()
"""


async def _ended(box: Sandbox, command: Command, chance: random.Random) -> None:
    """By itself or by time; or by a cancel, at some moment."""
    task = asyncio.ensure_future(box.run(command))
    if chance.random() < 0.5:
        await asyncio.wait({task}, timeout=chance.random() / 2)
        task.cancel()
    await asyncio.wait({task}, timeout=60)
    assert task.done()


@each_level
@pytest.mark.soak
def test_no_random_tree_survives(level: str, tmp_path: Path) -> None:
    box = sandbox(level)
    place = workspace(box, tmp_path / "workspace")

    async def scene() -> None:
        for seed in range(TREES):
            chance, token = random.Random(seed), f"tree-{level}-{os.getpid()}-{seed}"
            argv = (box.python, "-I", "-S", "-c", GROW, str(seed), token)
            await _ended(box, Command(argv, place, 0.1 + chance.random() / 2), chance)
            assert alive(token) == [], f"the tree of {seed} lives on"

    asyncio.run(scene())
