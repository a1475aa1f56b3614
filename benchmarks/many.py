"""The row of 5,000 calls in flight in one process, all of them held at the endpoint at once."""

from __future__ import annotations

from .calls import OPENAI, OURS
from .stage import Stage
from .table import Figure, Row

__all__ = ["in_flight"]

CALLS = 5000
# Long enough for all to come; openai/ never brings more than a tenth of them, and waits for its first ones' end.
HOLD_SECONDS = 40
OPENAI_CALLS = 1500
OPENAI_HOLD_SECONDS = 6
# A connection each, and what the process has open besides.
SPARE_FILES = 200


def in_flight(stage: Stage) -> Row:
    """Calls at the endpoint at once, failures, memory and CPU of each, and how late the event loop is."""
    for contestant in (OURS, OPENAI):
        stage.order(contestant, "cpu", "whole", times=1)
    plan = f"hold-{CALLS}-{HOLD_SECONDS}-ours"
    ours = stage.order(OURS, "crowd", plan, calls=CALLS)
    other = f"hold-{CALLS}-{OPENAI_HOLD_SECONDS}-openai"
    openai = stage.order(OPENAI, "crowd", other, calls=OPENAI_CALLS)
    peaks = stage.seen()["peaks"]
    return Row(
        "in-flight",
        f"{CALLS:,} calls in flight in one process",
        (
            Figure("not at the endpoint at once", CALLS - peaks[plan], 0),
            Figure("failures", ours["failures"], 0),
            Figure("resident KiB each", ours["rss_kib"], 64),
            Figure("CPU ms each", ours["cpu_ms"], 4),
            Figure("event loop's p99 lag in ms", ours["lag_ms"], 25),
        ),
        f"openai/ of {OPENAI_CALLS:,}: {peaks[other]:,} at once, {openai['failures']} failures, "
        f"{openai['rss_kib']:.0f} KiB, {openai['cpu_ms']:.2f} ms, p99 {openai['lag_ms']:.1f} ms{_files(ours['files'])}",
    )


def _files(allowed: float) -> str:
    if allowed >= CALLS + SPARE_FILES:
        return ""
    return f"; this machine allows {allowed:,.0f} open files, too few for {CALLS:,} connections"
