"""How long things took, in one line: for whoever runs the heavy sizes."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

__all__ = ["Report", "line"]

Report = Callable[[str, Sequence[float]], None]


def line(title: str, seconds: Sequence[float]) -> str:
    ordered = sorted(seconds)
    p95 = ordered[min(int(len(ordered) * 0.95), len(ordered) - 1)]
    return f"{title}: n={len(ordered)} median={statistics.median(ordered):.2f} p95={p95:.2f} max={ordered[-1]:.2f} s"
