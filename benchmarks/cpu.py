"""The rows of CPU time: rounds of both in turn, ratios pair by pair, and their spread, for no machine is quiet."""

from __future__ import annotations

from dataclasses import dataclass

from .calls import OPENAI, OURS
from .stage import Stage
from .table import Figure, Row, spread

__all__ = ["acompletion", "completion", "large_event", "ready_chunks", "slow_chunks"]

# Odd, and enough that a collection of LiteLLM's heap, which falls into every sixth round or so, moves no median.
ROUNDS = 15
EVENT_BYTES = 4_000_000


@dataclass(frozen=True)
class Race:
    """What is run in each round, and how many parts of it there are to share the time."""

    plan: str
    times: int
    mode: str = "async"
    chunks: int = 0
    joined: bool = False


def acompletion(stage: Stage) -> Row:
    """CPU of an `acompletion` against `openai/`."""
    return _row(stage, "acompletion", "CPU of an acompletion", Race("whole", 60), 0.60)


def completion(stage: Stage) -> Row:
    """CPU of a `completion` against `openai/`."""
    return _row(stage, "completion", "CPU of a completion", Race("whole", 60, mode="sync"), 0.60)


def slow_chunks(stage: Stage) -> Row:
    """CPU of a chunk that comes alone, against `openai/`."""
    return _row(stage, "slow-chunks", "CPU of a chunk that comes alone", Race("paced-300", 1, chunks=300), 0.50)


def ready_chunks(stage: Stage) -> Row:
    """CPU of an upstream chunk where 2,000 are already there and joining is on, against `openai/`."""
    race = Race("there-2000", 1, chunks=2000, joined=True)
    return _row(stage, "ready-chunks", "CPU of an upstream chunk, 2,000 that are there, joined", race, 0.05)


def large_event(stage: Stage) -> Row:
    """CPU of a stream with one event of 4 MB."""
    for contestant in (OURS, OPENAI):
        _one(stage, contestant, Race("whole", 1))
    took = spread([_one(stage, OURS, Race(f"event-{EVENT_BYTES}", 1, chunks=1)) for _ in range(3)])
    openai = spread([_one(stage, OPENAI, Race(f"event-{EVENT_BYTES}", 1, chunks=1)) for _ in range(3)])
    return Row(
        "large-event",
        "one event of 4 MB in a stream",
        (Figure("CPU seconds", took.middle, 0.3),),
        f"{took} s; openai/ {openai} s",
    )


def _row(stage: Stage, name: str, what: str, race: Race, most: float) -> Row:
    for contestant in (OURS, OPENAI):
        _one(stage, contestant, race)
    pairs = [(_one(stage, OURS, race), _one(stage, OPENAI, race)) for _ in range(ROUNDS)]
    ratio = spread([ours / openai for ours, openai in pairs])
    parts = race.chunks or 1
    ours, openai = (spread([pair[side] / parts * 1e3 for pair in pairs]) for side in (0, 1))
    beside = f"pair by pair {ratio}; {ours} ms, openai/ {openai} ms"
    return Row(name, what, (Figure("of the CPU of openai/", ratio.middle, most),), beside)


def _one(stage: Stage, contestant: str, race: Race) -> float:
    options = {"times": race.times, "mode": race.mode, "stream": race.chunks > 0, "joined": race.joined}
    took: float = stage.order(contestant, "cpu", race.plan, **options)
    return took
