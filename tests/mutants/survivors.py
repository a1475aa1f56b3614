"""The mutants that no test can or need notice, each with the reason, from `survivors.txt`.

A line that begins with `#` is the reason of those below it; any other is a module and a mutant's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

__all__ = ["LISTED", "accepted"]

LISTED = Path(__file__).with_name("survivors.txt")


def accepted(text: str) -> Mapping[str, str]:
    """The reason of each."""
    reasons: dict[str, str] = {}
    reason = ""
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("#"):
            reason = line.lstrip("# ")
        else:
            reasons[line] = reason
    return reasons
