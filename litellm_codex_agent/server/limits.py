"""How long the server waits for others, in seconds. Every wait has an end, and each its reason here."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BODY_SECONDS", "HEAD_SECONDS", "KEEP_ALIVE_SECONDS", "LIMITS", "LINGER_SECONDS", "Limits"]

# A head is a packet or a few; a phone that changes its network needs some seconds for them.
HEAD_SECONDS = 15.0
# The largest body at a megabit a second, which the slowest lines have.
BODY_SECONDS = 35.0
# A route that waits for a body says so when its time is up; the connection leaves it the time to.
GRACE_SECONDS = 2.0
# nginx's own. Longer than clients keep an idle connection (httpx 5 s, LiteLLM's aiohttp 15 s): who closes first
# may meet a request that is on its way, and a POST is not sent twice.
KEEP_ALIVE_SECONDS = 75
# nginx's lingering_time: how long the rest of a refused body is read. The limit on bodies mostly comes first.
LINGER_SECONDS = 30.0
# How long a client may take to read that what it sent is not HTTP; it is a packet.
REFUSAL_SECONDS = 2.0
# How long a client may leave what was sent to it unread. LiteLLM's own give a stream up after as long a silence.
STALL_SECONDS = 60.0
# After the drain: for the last bytes of each stream to be read.
FLUSH_SECONDS = 5.0
# Then the connections are cut, and their tasks have this long to notice before they are cancelled.
CANCEL_SECONDS = 2.0
# From the end of the drain to the end of the process, whatever hangs.
LAST_SECONDS = 20.0
# From the second signal to the end of the process: its tasks' own clearing up, which kills what they started.
AT_ONCE_SECONDS = 3.0


@dataclass(frozen=True)
class Limits:
    """Those that `serve` keeps."""

    head: float = HEAD_SECONDS
    body: float = BODY_SECONDS + GRACE_SECONDS
    stall: float = STALL_SECONDS
    flush: float = FLUSH_SECONDS
    last: float = LAST_SECONDS
    at_once: float = AT_ONCE_SECONDS


LIMITS = Limits()
