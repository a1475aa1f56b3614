"""The rows that count: the same figure in each run, so that a rise is a change of the code and not of the weather."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from .calls import FLOOR, OPENAI, OURS
from .stage import Stage
from .table import Figure, Row

__all__ = ["calls", "chunks", "connections", "imports"]

CALLS = 20
CHUNKS = 200
ONE_AFTER_THE_OTHER = 200
IMPORT_SECONDS = 60
_HEAVY = ("aiohttp", "httpx", "litellm")
_LOOK = "import json, sys, litellm_codex_agent; print(json.dumps([n for n in sys.argv[1:] if n in sys.modules]))"


def calls(stage: Stage) -> Row:
    """Function calls of an `acompletion` over a handler that does nothing."""
    floor, ours, openai = (stage.order(name, "functions", "whole", times=CALLS) for name in (FLOOR, OURS, OPENAI))
    return Row(
        "calls",
        "own function calls of an acompletion",
        (Figure("function calls", round(ours - floor), 1000, exact=True),),
        f"openai/ {openai - floor:,.0f}, and {floor:,.0f} are LiteLLM's own; stretch 700",
    )


def chunks(stage: Stage) -> Row:
    """Function calls of a streamed chunk over the same floor, where each chunk comes alone and where all are there."""
    alone, there = (_by_chunk(stage, plan) for plan in ("paced", "there"))
    return Row(
        "chunks",
        "own function calls of a streamed chunk",
        (
            Figure("each chunk alone", round(alone[OURS]), 150, exact=True),
            Figure("all chunks already there", round(there[OURS]), 150, exact=True),
        ),
        f"openai/ {alone[OPENAI]:,.0f} and {there[OPENAI]:,.0f}, and {alone[FLOOR]:,.0f} are LiteLLM's own; stretch 40",
    )


def _by_chunk(stage: Stage, plan: str) -> dict[str, float]:
    """For each chunk: the difference between a long and a short stream, without what a stream costs once."""
    took = {}
    for name in (FLOOR, OURS, OPENAI):
        long, short = (
            stage.order(name, "functions", f"{plan}-{number}", times=1, stream=True) for number in (CHUNKS + 50, 50)
        )
        took[name] = (long - short) / CHUNKS
    floor = took[FLOOR]
    return {FLOOR: floor, OURS: took[OURS] - floor, OPENAI: took[OPENAI] - floor}


def connections(stage: Stage) -> Row:
    """Connections that 200 calls open one after the other."""
    opened = {(name, mode): _opened(stage, name, mode) for name in (OURS, OPENAI) for mode in ("async", "sync")}
    return Row(
        "connections",
        f"{ONE_AFTER_THE_OTHER} calls one after the other",
        tuple(Figure(f"connections, {mode}", opened[OURS, mode], 1, exact=True) for mode in ("async", "sync")),
        f"openai/ {opened[OPENAI, 'async']} and {opened[OPENAI, 'sync']}",
    )


def _opened(stage: Stage, contestant: str, mode: str) -> int:
    before = stage.seen()["connections"]
    stage.order(contestant, "cpu", f"whole-{mode}", times=ONE_AFTER_THE_OTHER, mode=mode)
    # The second look is a connection of its own. One that was kept from an earlier row is the one of this row.
    opened: int = stage.seen()["connections"] - before - 1
    return max(1, opened)


def imports(_: Stage) -> Row:
    """What the package loads with the gate closed."""
    environment = {name: value for name, value in os.environ.items() if name != "LITELLM_ENABLE_CODEX_AGENT"}
    command = [sys.executable, "-c", _LOOK, *_HEAVY]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=IMPORT_SECONDS, check=True)
    found = json.loads(done.stdout)
    return Row(
        "imports",
        "the gate closed, the package imported",
        (Figure("of litellm, httpx, aiohttp imported", len(found), 0, exact=True),),
        ", ".join(found),
    )
