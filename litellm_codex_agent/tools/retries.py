"""When a call of a tool is sent again, and after how long.

Law: what may have been done is not done again. A refused connection, 429 and 503 say that nothing was; a connection
that broke, 502 and 504 do not, so they count only for a tool that its server calls idempotent. Pure.
"""

from __future__ import annotations

__all__ = ["BROKEN", "MAX_TRIES", "REFUSED", "pause"]

MAX_TRIES = 3
# What stands for a status where there is none: no connection was made, or it broke after something was sent.
REFUSED, BROKEN = 0, -1
_NOTHING_DONE = frozenset({REFUSED, 429, 503})
_PERHAPS_DONE = frozenset({BROKEN, 502, 504})
# Without a Retry-After: a server that restarts is back after a moment, and two more tries cost little.
_PAUSES = (0.25, 1.0)


def pause(status: int, tries: int, *, idempotent: bool, asked: float | None, left: float) -> float | None:
    """Seconds to wait before the next try; None where there is none.

    `asked` is what the server's Retry-After says, and `left` the time of the call: a wait that outlasts it is none.
    """
    if tries >= MAX_TRIES or status not in (_NOTHING_DONE | (_PERHAPS_DONE if idempotent else frozenset())):
        return None
    wait = _PAUSES[min(tries, len(_PAUSES)) - 1] if asked is None else asked
    return wait if wait < left else None
