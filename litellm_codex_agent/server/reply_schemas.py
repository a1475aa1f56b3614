"""What the server answers, as closed schemas: a reply that has another field breaks a promise."""

from __future__ import annotations

from collections.abc import Mapping

from ..wire.envelope import METRICS, STOPPED_REASONS
from ..wire.schema import Schema
from ..wire.shapes import COUNT, FLAG, NAME, NULL, OPEN, TEXT, closed, list_of, one_of, optional

__all__ = ["REPLIES"]

_MONEY: Schema = {"type": "number", "minimum": 0}
# Seconds since 1970.
_TIME: Schema = {"type": "number", "minimum": 0}
_REASON = one_of(*STOPPED_REASONS)
_FINISH = one_of("stop", "length", "content_filter", "tool_calls")

_ERROR = closed({"message": TEXT, "type": TEXT, "param": optional(TEXT), "code": optional(TEXT)}, "message", "type")
# In an envelope and in a stream the status stands beside the words: it is told under HTTP's own 200.
_RUN_ERROR = closed({**_ERROR["properties"], "status": COUNT}, "message", "type", "status")
_USAGE = closed(
    {
        "prompt_tokens": COUNT,
        "completion_tokens": COUNT,
        "total_tokens": COUNT,
        "cost": _MONEY,
        "prompt_tokens_details": closed({"cached_tokens": COUNT}, "cached_tokens"),
        "completion_tokens_details": closed({"reasoning_tokens": COUNT}, "reasoning_tokens"),
    },
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
)
_METRICS = closed(
    {
        "iterations": COUNT,
        "ttotal_ms": COUNT,
        "escalated": FLAG,
        "used_model": optional(TEXT),
        "tool_calls": COUNT,
        "failed_tool_calls": COUNT,
        "cost_usd": optional(_MONEY),
        "isolation": optional(TEXT),
        "ignored": list_of(TEXT),
    },
    *METRICS,
)
_FILES = list_of(closed({"path": TEXT, "kind": TEXT, "diff": TEXT}, "path", "kind"))
_CALLED = {"id": NAME, "type": one_of("function"), "function": closed({"name": TEXT, "arguments": TEXT})}

_SAID = {"role": one_of("assistant"), "content": TEXT, "reasoning_content": TEXT}
_MESSAGE = closed({**_SAID, "tool_calls": list_of(closed(_CALLED, *_CALLED))}, "role", "content")
_CHOICE = closed(
    {"index": COUNT, "message": _MESSAGE, "logprobs": NULL, "finish_reason": _FINISH},
    "index",
    "message",
    "finish_reason",
)
_AGENT = closed(
    {"run_id": NAME, "stopped_reason": _REASON, "metrics": _METRICS, "files": _FILES},
    "run_id",
    "stopped_reason",
    "metrics",
    "files",
)
_COMPLETION = closed(
    {
        "id": NAME,
        "object": one_of("chat.completion"),
        "created": COUNT,
        "model": NAME,
        "choices": {**list_of(_CHOICE), "minItems": 1},
        "usage": _USAGE,
        "codex_agent": _AGENT,
    },
    "id",
    "object",
    "created",
    "model",
    "choices",
    "usage",
)
_DELTA = closed({**_SAID, "tool_calls": list_of(closed({"index": COUNT, **_CALLED}, "index"))})
_PIECE = closed(
    {"index": COUNT, "delta": _DELTA, "logprobs": NULL, "finish_reason": optional(_FINISH)}, "index", "delta"
)
_CHUNK = closed(
    {
        "id": NAME,
        "object": one_of("chat.completion.chunk"),
        "created": COUNT,
        "model": NAME,
        "choices": list_of(_PIECE),
        "usage": _USAGE,
        "codex_agent": _AGENT,
    },
    "id",
    "object",
    "created",
    "model",
    "choices",
)
_ENVELOPE = closed(
    {
        "ok": FLAG,
        "run_id": NAME,
        "final_answer": optional(TEXT),
        "stopped_reason": _REASON,
        "messages": list_of(OPEN),
        "metrics": _METRICS,
        "usage": _USAGE,
        "error": _RUN_ERROR,
        "last_tool_invocation": OPEN,
        "files": _FILES,
    },
    "ok",
    "run_id",
    "final_answer",
    "stopped_reason",
    "messages",
    "metrics",
    "usage",
)
_RUN = closed(
    {
        "run_id": NAME,
        "status": one_of("queued", "running", "ended"),
        "stopped_reason": optional(_REASON),
        "created": _TIME,
        "started": optional(_TIME),
        "ended": optional(_TIME),
        "backend": NAME,
        "model": NAME,
        "session_id": optional(TEXT),
        "last_event": COUNT,
        "envelope": optional(_ENVELOPE),
    },
    "run_id",
    "status",
    "created",
    "backend",
    "model",
    "last_event",
)
_MODEL = closed(
    {
        "id": NAME,
        "object": one_of("model"),
        "created": COUNT,
        "owned_by": TEXT,
        "ready": FLAG,
        "reason": optional(TEXT),
    },
    "id",
    "object",
    "created",
    "owned_by",
    "ready",
)
_STATE = closed({"ok": FLAG, "reason": optional(TEXT)}, "ok")
# Without the key only `ok` is shown: what is set up here is not for everyone.
_READY = closed(
    {
        "ok": FLAG,
        "reasons": list_of(TEXT),
        "draining": FLAG,
        "journal": _STATE,
        "queue": closed(
            {"running": COUNT, "waiting": COUNT, "max_runs": COUNT, "max_queue": COUNT},
            "running",
            "waiting",
            "max_runs",
            "max_queue",
        ),
        "sandbox": optional(closed({"level": optional(TEXT), "reason": TEXT}, "level", "reason")),
        "backends": {"type": "object", "additionalProperties": _STATE},
    },
    "ok",
)

REPLIES: Mapping[str, Schema] = {
    "Alive": closed({"ok": FLAG}, "ok"),
    "ChatCompletion": _COMPLETION,
    "ChatCompletionChunk": _CHUNK,
    "Envelope": _ENVELOPE,
    "Error": closed({"error": _ERROR}, "error"),
    "Model": _MODEL,
    "Models": closed({"object": one_of("list"), "data": list_of(_MODEL)}, "object", "data"),
    "Ready": _READY,
    "Run": _RUN,
    "StreamError": closed({"error": _RUN_ERROR}, "error"),
}
