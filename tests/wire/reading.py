"""Streams that tests feed, and what comes of them: events, or chunks and the error after them."""

from __future__ import annotations

from itertools import chain
from typing import Any

from litellm_codex_agent.errors import AgentError, BrokenReply
from litellm_codex_agent.wire.sse import MAX_EVENT_BYTES, Decoder, Event
from litellm_codex_agent.wire.stream import ChunkReader

from ..answers import USAGE, chunk

__all__ = ["HEAD", "HELLO", "USAGE_CHUNK", "broken", "decode", "outcome", "read"]

HEAD = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "upstream-name"}
USAGE_CHUNK = {**HEAD, "choices": [], "usage": USAGE}
HELLO = [chunk({"content": "Hello"}), chunk({"content": " there"})]


def decode(*pieces: bytes, limit: int = MAX_EVENT_BYTES) -> list[Event]:
    """The events of a stream, to its end."""
    decoder = Decoder(limit)
    return [event for piece in pieces for event in decoder.feed(piece)] + decoder.close()


def outcome(*pieces: bytes) -> tuple[list[dict[str, Any]], AgentError | None]:
    """The chunks that are told, and the error after them."""
    reader, told = ChunkReader(), []
    fed = (part for piece in pieces for part in reader.feed(piece))
    try:
        for part in chain(fed, reader.finish()):
            told.append(part)
    except AgentError as fault:
        return told, fault
    return told, None


def read(*pieces: bytes) -> list[dict[str, Any]]:
    """The chunks of a stream that has no fault."""
    told, fault = outcome(*pieces)
    assert fault is None
    return told


def broken(*pieces: bytes) -> str:
    """What is said of a stream that has one."""
    fault = outcome(*pieces)[1]
    assert type(fault) is BrokenReply
    return fault.message
