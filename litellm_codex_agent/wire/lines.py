"""Lines of a stream, bounded in memory: a line ends by LF and by nothing else, and of one too long the ends are kept.

Linear in the bytes, however they were cut.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["KEPT_BYTES", "Line", "Lines"]

# Of a line that is too long, so much of its beginning and of its end: enough to tell what it was about.
KEPT_BYTES = 512


class Line(NamedTuple):
    """One line without its end. Where it was too long, `data` is its beginning, an LF, and its end."""

    data: bytes
    cut: bool = False


class Lines:
    """Bytes in, lines out. A line of more than `limit` bytes is cut."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._parts: list[bytes] = []
        self._ends: tuple[bytes, bytes] | None = None

    def feed(self, data: bytes) -> list[Line]:
        """The lines that `data` completes."""
        *ended, rest = data.split(b"\n")
        lines: list[Line] = []
        for end in ended:
            self._add(end)
            lines.append(self._take())
        self._add(rest)
        return lines

    def close(self) -> list[Line]:
        """What was left without its end when the bytes ended."""
        return [self._take()] if self._size else []

    def _add(self, part: bytes) -> None:
        if not part:
            return
        self._size += len(part)
        if self._size <= self._limit:
            self._parts.append(part)
            return
        if self._ends is None:
            begun = b"".join(self._parts)
            self._parts, self._ends = [], (begun[:KEPT_BYTES], begun[-KEPT_BYTES:])
        head, tail = self._ends
        self._ends = (head + part[:KEPT_BYTES])[:KEPT_BYTES], (tail + part[-KEPT_BYTES:])[-KEPT_BYTES:]

    def _take(self) -> Line:
        line = Line(b"".join(self._parts)) if self._ends is None else Line(b"\n".join(self._ends), cut=True)
        self._size, self._parts, self._ends = 0, [], None
        return line
