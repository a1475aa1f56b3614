"""How many runs work at once, and how many wait in line. Whoever finds both full is told when to come again."""

from __future__ import annotations

import asyncio
import math
from collections import deque

__all__ = ["Busy", "Place", "Slots"]

# How many ended runs the estimate of a wait looks back on.
REMEMBERED = 50
# Before any run has ended nothing is known of how long they take.
UNKNOWN_SECONDS = 10.0
# Past this nobody plans by the figure.
MAX_RETRY_SECONDS = 600


class Busy(Exception):
    """All slots and all places in line are taken; `retry_after` is an estimate in whole seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"All runs and all places in the queue are taken. Try again in about {retry_after} s.")
        self.retry_after = retry_after


class Place:
    """One run's place: first in the line, then in a slot, then given back."""

    def __init__(self, turn: asyncio.Future[None]) -> None:
        self.turn = turn


class Slots:
    """`most` slots and a line of `queue` places, first come, first served."""

    def __init__(self, most: int, queue: int) -> None:
        self.most = most
        self.queue = queue
        self._working: set[Place] = set()
        self._line: deque[Place] = deque()
        self._seconds: deque[float] = deque(maxlen=REMEMBERED)

    @property
    def working(self) -> int:
        return len(self._working)

    @property
    def waiting(self) -> int:
        return len(self._line)

    def take(self) -> Place:
        """A place whose `turn` comes; at once where a slot is free. Raises `Busy`."""
        if self.working >= self.most and self.waiting >= self.queue:
            raise Busy(self.retry_after())
        place = Place(asyncio.get_running_loop().create_future())
        self._line.append(place)
        self._call()
        return place

    def give_back(self, place: Place, seconds: float | None = None) -> None:
        """The run has left the line or its slot; `seconds` is how long it worked, where it did."""
        if place in self._working:
            self._working.remove(place)
        elif place in self._line:
            self._line.remove(place)
        if seconds is not None:
            self._seconds.append(seconds)
        self._call()

    def retry_after(self) -> int:
        """When a slot may be free for one more: the line ahead of it, at the pace of the last runs."""
        mean = sum(self._seconds) / len(self._seconds) if self._seconds else UNKNOWN_SECONDS
        return max(1, min(math.ceil(mean * (self.waiting + 1) / self.most), MAX_RETRY_SECONDS))

    def _call(self) -> None:
        while self._line and self.working < self.most:
            place = self._line.popleft()
            self._working.add(place)
            if not place.turn.done():
                place.turn.set_result(None)
