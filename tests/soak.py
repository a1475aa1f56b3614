"""How much of a heavy test is done: a little in every run, all of it with SOAK=1 (`make soak`)."""

from __future__ import annotations

import os

__all__ = ["size"]


def size(short: int, full: int) -> int:
    """`short`, or `full` where it was asked for."""
    return full if os.environ.get("SOAK") == "1" else short
