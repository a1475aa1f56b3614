"""`python -m benchmarks.server [row ...]`: our server beside bare uvicorn that streams the same bytes, in one run.

Rounds of both in turn, medians with their spread, for no machine is quiet. It fails for a count that rose, for no
timing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TypeVar

from . import recorded
from .load import Crowd, Overload, Server, functions, overload, p99, streams
from .steps import Plan
from .table import Figure, Row, Spread, spread, text

__all__ = ["main"]

STREAMS, STEPS = 200, 20
# The mean of a step: agents are slower, and this is already 10 events a second of each.
PACE_SECONDS = 0.3
SLOTS, QUEUE, CLIENTS = 50, 50, 500
ROUNDS = 5
REPEATS = 4
LAG_MS, REFUSAL_MS, RESIDENT_MB = 250, 100, 150
# What was reached, with some room: these have no aim but to stay.
EVENT_CALLS, RUN_CALLS = 150, 16_000

Pair = tuple[Server, Server]


def paced(pair: Pair) -> Row:
    """Streams of runs that work and wait, as agents do."""
    return _streams(pair, "server-streams", f"{STREAMS} streams of {STEPS} steps", Plan(STEPS, PACE_SECONDS))


def flood(pair: Pair) -> Row:
    """The same without a wait: all events of all runs are there at once, which is the worst that can come."""
    return _streams(pair, "server-flood", f"{STREAMS} streams of {STEPS} steps without a wait", Plan(STEPS))


def _streams(pair: Pair, name: str, what: str, plan: Plan) -> Row:
    ours, bare = _rounds(pair, lambda server: streams(server, STREAMS, plan))
    share = spread([mine.cpu / theirs.cpu for mine, theirs in zip(ours, bare, strict=True)])
    return Row(
        name,
        what,
        (
            Figure("not whole, once and in order", sum(crowd.wrong for crowd in ours), 0),
            Figure("event loop's p99 lag in ms", _lag(ours).middle, LAG_MS),
            Figure("most resident MB", _resident(ours), RESIDENT_MB),
        ),
        f"lag {_lag(ours)} ms, bare {_lag(bare)} ms; p99 of /health {_health(ours)} ms, bare {_health(bare)} ms; "
        f"CPU of an event {_cpu(ours, plan)} us, bare {_cpu(bare, plan)} us, pair by pair {share}; "
        f"{_left(ours):.0f} MB afterwards, bare {_resident(bare):.0f} and {_left(bare):.0f} MB",
    )


def refusals(pair: Pair) -> Row:
    """The time of a 429 for clients that come all at once, and one by one to a server that is full."""
    ours, bare = _rounds(pair, lambda server: overload(server, SLOTS + QUEUE, CLIENTS))
    crowds, others = [each.crowd for each in ours], [each.crowd for each in bare]
    late, burst, bare_late, bare_burst = (
        spread([p99(getattr(each, when)) * 1e3 for each in side]) for side in (ours, bare) for when in ("late", "burst")
    )
    return Row(
        "server-overload",
        f"{SLOTS} runs and {QUEUE} in the queue under {CLIENTS} clients",
        (
            Figure("not admitted or refused as meant", sum(crowd.wrong for crowd in crowds), 0),
            Figure("p99 ms of a 429, clients one by one", late.middle, REFUSAL_MS),
            Figure("p99 ms of a 429, all clients at once", burst.middle, REFUSAL_MS),
            Figure("event loop's p99 lag in ms", _lag(crowds).middle, LAG_MS),
            Figure("most resident MB", _resident(crowds), RESIDENT_MB),
        ),
        f"one by one {late} ms, bare {bare_late} ms; at once {burst} ms, bare {bare_burst} ms; "
        f"lag {_lag(crowds)} ms, bare {_lag(others)} ms; p99 of /health {_health(crowds)} ms, "
        f"bare {_health(others)} ms; {_left(crowds):.0f} MB afterwards, bare {_resident(others):.0f} MB at most",
    )


def calls(pair: Pair) -> Row:
    """Function calls of a streamed event and of a run, and of bare uvicorn's."""
    short, long = Plan(STEPS), Plan(STEPS + 100)

    def count(server: Server, plan: Plan) -> float:
        # The least: on a busy machine the loop takes turns of which nothing comes, and these are counted too.
        return min(functions(server, plan) for _ in range(REPEATS))

    runs = [count(server, short) for server in pair]
    events = [
        (count(server, long) - run) / (long.events - short.events) for server, run in zip(pair, runs, strict=True)
    ]
    return Row(
        "server-calls",
        "function calls in the server's loop",
        (
            Figure("of a streamed event", round(events[0]), EVENT_CALLS, exact=True),
            Figure(f"of a run of {short.events} events", round(runs[0]), RUN_CALLS, exact=True),
        ),
        f"bare {events[1]:,.0f} and {runs[1]:,.0f}",
    )


# A row, and how many runs and places in the queue its servers have.
ROWS: dict[str, tuple[Callable[[Pair], Row], int, int]] = {
    "server-calls": (calls, STREAMS, 0),
    "server-streams": (paced, STREAMS, 0),
    "server-flood": (flood, STREAMS, 0),
    "server-overload": (refusals, SLOTS, QUEUE),
}


_Seen = TypeVar("_Seen", Crowd, Overload)


def _rounds(pair: Pair, load: Callable[[Server], _Seen]) -> tuple[list[_Seen], list[_Seen]]:
    """What ours and the bare one saw, each in its rounds; the first of each is to get warm."""
    for server in pair:
        load(server)
    rounds = [tuple(load(server) for server in pair) for _ in range(ROUNDS)]
    return [ours for ours, _ in rounds], [bare for _, bare in rounds]


def _lag(crowds: Sequence[Crowd]) -> Spread:
    return spread([crowd.lag * 1e3 for crowd in crowds])


def _health(crowds: Sequence[Crowd]) -> Spread:
    return spread([crowd.health * 1e3 for crowd in crowds])


def _cpu(crowds: Sequence[Crowd], plan: Plan) -> Spread:
    return spread([crowd.cpu / STREAMS / plan.events * 1e6 for crowd in crowds])


def _resident(crowds: Sequence[Crowd]) -> float:
    return max(crowd.resident for crowd in crowds) / 1e6


def _left(crowds: Sequence[Crowd]) -> float:
    return crowds[-1].left / 1e6


def main(arguments: list[str] | None = None) -> int:
    """Run what is named, or everything; 1 if a recorded count rose."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server", description=__doc__)
    parser.add_argument("row", nargs="*", choices=[*ROWS, []], help=f"one of {', '.join(ROWS)}; all if none is named")
    parser.add_argument("--record", action="store_true", help="keep the counts as what was reached")
    options = parser.parse_args(arguments)
    rows = [_row(name) for name in options.row or ROWS]
    risen = recorded.compare(rows)
    if options.record:
        recorded.record(rows)
    print("\n".join(risen), file=sys.stderr, end="\n" if risen else "")
    return 1 if risen and not options.record else 0


def _row(name: str) -> Row:
    measure, slots, queue = ROWS[name]
    with ExitStack() as stack:
        ours, bare = (stack.enter_context(Server(kind, slots, queue)) for kind in ("ours", "bare"))
        row = measure((ours, bare))
    print(text([row]), flush=True)
    return row


if __name__ == "__main__":
    sys.exit(main())
