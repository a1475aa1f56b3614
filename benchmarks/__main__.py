"""`python -m benchmarks [row ...]`: run the rows and print the table. It fails for a count that rose, for no timing."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from . import counts, cpu, many, real_proxy, recorded
from .plot import svg
from .stage import Stage
from .table import Row, text

COUNTS: dict[str, Callable[[Stage], Row]] = {
    "calls": counts.calls,
    "chunks": counts.chunks,
    "connections": counts.connections,
    "imports": counts.imports,
}
ROWS: dict[str, Callable[[Stage], Row]] = {
    **COUNTS,
    "acompletion": cpu.acompletion,
    "completion": cpu.completion,
    "slow-chunks": cpu.slow_chunks,
    "ready-chunks": cpu.ready_chunks,
    "in-flight": many.in_flight,
    "proxy": real_proxy.through_a_proxy,
    "large-event": cpu.large_event,
}


def main(arguments: list[str] | None = None) -> int:
    """Run what is named, or everything; 1 if a recorded count rose."""
    options = _options(arguments)
    wanted = options.row or (list(COUNTS) if options.counts else list(ROWS))
    rows = []
    with Stage() as stage:
        for name in wanted:
            rows.append(ROWS[name](stage))
            print(text(rows[-1:]), flush=True)
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")
    if options.plot:
        options.plot.write_text(svg(rows))
    risen = recorded.compare(rows)
    if options.record:
        recorded.record(rows)
    print("\n".join(risen), file=sys.stderr, end="\n" if risen else "")
    return 1 if risen and not options.record else 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("row", nargs="*", choices=[*ROWS, []], help=f"one of {', '.join(ROWS)}; all if none is named")
    parser.add_argument("--counts", action="store_true", help="only the rows that count and do not jitter")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there as JSON")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the rows there as an SVG")
    parser.add_argument("--record", action="store_true", help="keep the counts as what was reached")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
