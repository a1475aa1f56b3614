"""A streamed chat completion, read strictly, and put into the order that LiteLLM can take.

LiteLLM stops reading at the finish reason and estimates the usage that it has not seen by then.
So finish reasons are held back to the end, and the usage goes out before them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ..errors import BrokenReply, Refused
from .chat import excerpt, read_object, refusal_of
from .dialects import joined_text, settle_head
from .sse import Decoder, Event

__all__ = ["ChunkReader"]

_DONE = b"[DONE]"
# How much of the beginning is kept, to show it where it turns out to be no stream.
_HEAD_BYTES = 512
# What every chunk repeats, and says nothing new by.
_ENVELOPE = frozenset(
    {"id", "object", "created", "model", "system_fingerprint", "service_tier", "choices", "obfuscation"}
)
# The status of an error event that names none: the endpoint failed after it had said 200.
_STREAM_ERROR_STATUS = 500


class ChunkReader:
    """Bytes in, chunks out; `finish` says whether the stream came to its end."""

    def __init__(self) -> None:
        self._decoder = Decoder()
        self._finishes: dict[int, str] = {}
        self._envelope: dict[str, Any] = {}
        self._usage: object = None
        self._events = 0
        self._answers = False
        self._head = b""
        self.done = False

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        """The chunks that `data` completes, without finish reason and usage; what stands before a fault is told."""
        if len(self._head) < _HEAD_BYTES:
            self._head += data[:_HEAD_BYTES]
        return self._read(self._decoder.feed(data))

    def finish(self) -> Iterator[dict[str, Any]]:
        """The rest of the stream: its last words, its usage, its finish reasons. Raises if it was cut."""
        yield from self._read(self._decoder.close())
        if not self._events:
            raise BrokenReply(f"The endpoint's reply is not a stream of events: {excerpt(self._head)}.")
        if not self.done and not self._finishes:
            raise BrokenReply("The stream was cut: it ended without a finish reason and without [DONE].")
        if not self._answers:
            raise BrokenReply("The stream ended without a single choice.")
        if self._usage is not None:
            yield {**self._envelope, "choices": [], "usage": self._usage}
        yield from self._last_choices()

    def _read(self, events: list[Event]) -> Iterator[dict[str, Any]]:
        self._events += len(events)
        for event in events:
            self.done = self.done or event.data == _DONE
            if self.done:
                return
            chunk = read_object(event.data, what="stream")
            if chunk.get("error") or event.name == "error":
                refusal = refusal_of(chunk)
                if not refusal.message:
                    refusal = replace(refusal, message=f"The endpoint sent an error event: {excerpt(event.data)}.")
                raise Refused(refusal, status=refusal.status or _STREAM_ERROR_STATUS)
            if self._take(chunk):
                yield chunk

    def _take(self, chunk: dict[str, Any]) -> bool:
        """Takes usage and finish reasons out of `chunk`; whether anything is left to tell."""
        settle_head(chunk)
        if isinstance(usage := chunk.pop("usage", None), dict):
            self._usage = usage
        choices = chunk.get("choices") or []
        if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
            raise BrokenReply("A chunk of the stream has choices that are no list of objects.")
        if not self._envelope:
            self._envelope = {key: chunk[key] for key in _ENVELOPE & chunk.keys() - {"choices"}}
        if not choices:
            # LiteLLM's clients index into choices: what stands beside an empty list rides on an empty delta.
            chunk["choices"] = [{"index": 0, "delta": {}, "finish_reason": None}]
            return _says_more(chunk)
        self._answers = True
        # All of them, and not `any` of a generator: each may hold a finish reason to take out.
        return any([self._says_something(choice) for choice in choices]) or _says_more(chunk)  # noqa: C419

    def _says_something(self, choice: dict[str, Any]) -> bool:
        delta = choice.get("delta")
        if delta is None and choice.get("message"):
            raise BrokenReply("A choice of the stream has a message in place of its delta.")
        if delta is None:
            delta = choice["delta"] = {}
        if not isinstance(delta, dict):
            raise BrokenReply("A choice of the stream has a delta that is not an object.")
        if "content" in delta:
            delta["content"] = joined_text(delta["content"])
        if reason := choice.get("finish_reason"):
            index = choice.get("index")
            self._finishes[index if isinstance(index, int) else 0] = str(reason)
            choice["finish_reason"] = None
            return any(value not in (None, "", []) for key, value in delta.items() if key != "role")
        return True

    def _last_choices(self) -> list[dict[str, Any]]:
        """The first choice's reason comes last and alone: LiteLLM stops at it. The others' ride behind its index."""
        if not self._finishes:
            return []
        (first, reason), *others = sorted(self._finishes.items())
        chunks = [_ending({first: None, **dict(others)})] if others else []
        return [{**self._envelope, **chunk} for chunk in (*chunks, _ending({first: reason}))]


def _says_more(chunk: dict[str, Any]) -> bool:
    """Whether something stands beside the choices that no other chunk repeats."""
    return any(value is not None for key, value in chunk.items() if key not in _ENVELOPE)


def _ending(reasons: dict[int, str | None]) -> dict[str, Any]:
    return {"choices": [{"index": n, "delta": {}, "finish_reason": reason} for n, reason in reasons.items()]}
