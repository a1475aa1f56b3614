"""A reply's bytes, read along while they pass: what they tell. Pure, linear in the bytes, bounded in memory.

Law: reading never stops the bytes. What cannot be read, or is larger than the bounds, tells nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from ..backends.events import Failure, Usage
from ..errors import BrokenReply
from ..wire.chat import read_refusal
from ..wire.retry_after import retry_after
from ..wire.sse import Decoder
from .dialects import Dialect, Told, code_of, cost_of
from .upstream import PASSED_ON

__all__ = ["MAX_ERROR_BYTES", "MAX_REPLY_BYTES", "Reader", "reader"]

# A whole reply holds the answer and the request's own settings; a compacted conversation is the largest.
MAX_REPLY_BYTES = 32 * 1024 * 1024
# Of an error: a stack of validation errors is shorter.
MAX_ERROR_BYTES = 64 * 1024
# A day is more than any caller waits for.
_LONGEST_WAIT = 86_400.0
_DONE = b"[DONE]"
_CUT = "The model's endpoint ended its stream before the answer was whole."


class Reader(Protocol):
    """Fed with a reply's bytes."""

    live: bool
    told: Told

    def feed(self, data: bytes) -> Told:
        """What has been told, with these bytes."""
        ...

    def close(self) -> Told:
        """What has been told, now that the reply has ended in order."""
        ...


def reader(status: int, headers: Mapping[str, str], dialect: Dialect, now: float) -> Reader:
    """The reader for a reply with this status and these headers; `now` is the time of day."""
    if status >= 400:
        return _Error(status, _wait(headers, now))
    if headers.get("content-type", "").partition(";")[0].strip().lower() == "text/event-stream":
        return _Stream(dialect)
    return _Whole(dialect, cost_of(headers.get("x-litellm-response-cost")))


class _Stream:
    live = True

    def __init__(self, dialect: Dialect) -> None:
        self.told = Told()
        self._dialect = dialect
        self._decoder: Decoder | None = Decoder()

    def feed(self, data: bytes) -> Told:
        if self._decoder is not None:
            try:
                self._fold([event.data for event in self._decoder.feed(data)])
            except BrokenReply:
                # What follows is still the agent's to read; whether the answer was whole is not known here.
                self._decoder = None
                self.told = replace(self.told, whole=True)
        return self.told

    def close(self) -> Told:
        if self._decoder is not None:
            self._fold([event.data for event in self._decoder.close()])
        if not self.told.whole:
            self.told = replace(self.told, failure=Failure(502, _CUT, "stream_cut"))
        self.told = replace(self.told, ended=True)
        return self.told

    def _fold(self, events: list[bytes]) -> None:
        for data in events:
            if data.strip() == _DONE:
                self.told = replace(self.told, ended=True)
            elif (value := _object(data)) is not None:
                self.told = self._dialect.event(self.told, value)


class _Whole:
    live = False

    def __init__(self, dialect: Dialect, cost: float | None) -> None:
        self.told = Told()
        self._dialect = dialect
        self._cost = cost
        self._held = bytearray()
        self._size = 0

    def feed(self, data: bytes) -> Told:
        self._size += len(data)
        if self._size <= MAX_REPLY_BYTES:
            self._held += data
        else:
            self._held.clear()
        return self.told

    def close(self) -> Told:
        told = self.told
        if (value := _object(bytes(self._held))) is not None:
            told = self._dialect.reply(told, value)
        if self._cost is not None:
            told = replace(told, usage=replace(told.usage or Usage(), cost_usd=self._cost))
        self.told = replace(told, whole=True, ended=True)
        return self.told


class _Error:
    live = False

    def __init__(self, status: int, wait: float | None) -> None:
        self.told = Told()
        self._status = status
        self._wait = wait
        self._held = b""

    def feed(self, data: bytes) -> Told:
        self._held += data[: MAX_ERROR_BYTES - len(self._held)]
        return self.told

    def close(self) -> Told:
        said = read_refusal(self._status, self._held)
        failure = Failure(self._status, said.message, code_of(said), self._wait)
        self.told = Told(failure=failure, whole=True, ended=True)
        return self.told


def _wait(headers: Mapping[str, str], now: float) -> float | None:
    said = headers.get("retry-after") or headers.get(PASSED_ON, "")
    wait = retry_after({"retry-after": said}, now)
    return wait if wait is None else min(wait, _LONGEST_WAIT)


def _object(data: bytes) -> Mapping[str, Any] | None:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
