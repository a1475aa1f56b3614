"""What is kept of an output that may be endless: its beginning and its end, and how much there was."""

from __future__ import annotations

__all__ = ["Kept"]


class Kept:
    """Takes all, keeps `most` bytes: half of it from the beginning and half from the end."""

    def __init__(self, most: int) -> None:
        self.said = 0
        self._most = most
        self._half = most // 2
        self._begin = bytearray()
        self._end = bytearray()

    def add(self, data: bytes) -> None:
        """One more piece."""
        self.said += len(data)
        room = max(0, self._most - self._half - len(self._begin))
        self._begin += data[:room]
        self._end += data[room:]
        # Cut seldom: each cut moves all that stays.
        if len(self._end) > 2 * self._half:
            self._cut()

    def whole(self) -> bytes:
        """What was kept; where something is left out, a line says how much."""
        self._cut()
        left_out = self.said - len(self._begin) - len(self._end)
        gap = f"\n[... {left_out:,} bytes left out ...]\n".encode() if left_out else b""
        return bytes(self._begin) + gap + bytes(self._end)

    def _cut(self) -> None:
        del self._end[: max(0, len(self._end) - self._half)]
