"""Strikes the model's key out of a reply, also where it comes in two pieces. Pure.

Law: as many bytes come out as went in, so a reply's length stays true; and nothing waits but the end of a piece that
may be the beginning of the key.
"""

from __future__ import annotations

from ..errors import SECRET_MIN_CHARS

__all__ = ["Veil"]

# Enough to tell two keys apart, as in `errors.mask`.
_SHOWN_HEAD, _SHOWN_TAIL = 3, 4
_LONG = 12


class Veil:
    """Over one reply."""

    def __init__(self, key: str) -> None:
        self._key = key.encode() if len(key) >= SECRET_MIN_CHARS else b""
        self._mask = _masked(self._key)
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        if not self._key:
            return data
        data = (self._held + data).replace(self._key, self._mask)
        sure = self._sure(data)
        self._held = data[sure:]
        return data[:sure]

    def close(self) -> bytes:
        held, self._held = self._held, b""
        return held

    def _sure(self, data: bytes) -> int:
        """Where the end of `data` begins that may be the beginning of the key."""
        first = max(0, len(data) - len(self._key) + 1)
        begin = data.find(self._key[:1], first)
        while begin >= 0 and not self._key.startswith(data[begin:]):
            begin = data.find(self._key[:1], begin + 1)
        return len(data) if begin < 0 else begin


def _masked(key: bytes) -> bytes:
    if len(key) <= _LONG:
        return b"*" * len(key)
    return key[:_SHOWN_HEAD] + b"*" * (len(key) - _SHOWN_HEAD - _SHOWN_TAIL) + key[-_SHOWN_TAIL:]
