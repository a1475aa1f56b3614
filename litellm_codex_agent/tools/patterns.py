"""A stranger's regular expression, run only where it is known to end soon. Pure.

Law: Python's engine tries each way in which a pattern can be cut into its repetitions, so a text of n letters and k of
them take n^k steps at the most, where no group is repeated. What may take longer is not tried.
"""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["TooCostly", "matches", "steps"]

# A tenth of a second or so.
_MOST = 10_000_000
_REMEMBERED = 256
_CLASS = r"\[\^?\]?(?:\\.|[^\]\\])*\]"
# A piece of a pattern: an escape, a class of letters, how a group begins, an exact count, a repetition, or a letter.
_PIECE = re.compile(rf"\\.|{_CLASS}|\(\?<?[=!:]|\(\?P?<\w+>|\{{\d+\}}|[*+?]\??|\{{\d*,\d*\}}\??|.", re.DOTALL)


class TooCostly(ValueError):
    """The pattern, with a text of this length, may take for ever; or it is none."""


def matches(pattern: str, text: str) -> bool:
    """Whether it is found anywhere in `text`, as JSON Schema has it. Raises `TooCostly`."""
    if steps(pattern, len(text)) > _MOST:
        raise TooCostly(f"the pattern {pattern!r:.80} may take too long")
    try:
        return re.search(pattern, text) is not None
    except (re.error, OverflowError, RecursionError) as error:
        raise TooCostly(f"the pattern {pattern!r:.80} is none: {error}") from error


def steps(pattern: str, length: int) -> float:
    """The most that a search in a text of so many letters can take; infinite where that is not known."""
    branches, repeated = _counted(pattern)
    return float("inf") if repeated < 0 else 2.0**branches * float(max(length, 1)) ** repeated


@lru_cache(maxsize=_REMEMBERED)
def _counted(pattern: str) -> tuple[int, int]:
    """How many choices of two it has, and how many repetitions; less than none where a group is repeated."""
    branches, repeated = 0, 0 if pattern.startswith("^") else 1
    before = ""
    for piece in _PIECE.findall(pattern):
        if re.fullmatch(r"\\[1-9]", piece) or piece.startswith("(?P=") or (before == "(" and piece == "?"):
            return 0, -1
        if piece in ("|", "?", "??"):
            branches += 1
        elif piece[0] in "*+" or (piece[0] == "{" and "," in piece):
            repeated += 1
        if before == ")" and (piece[0] in "*+" or re.match(r"\{\d", piece)):
            return 0, -1
        before = piece
    return branches, repeated
