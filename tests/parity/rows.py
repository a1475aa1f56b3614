"""The table: one row a fault or success, with the same script for the provider and for LiteLLM's own `openai/`.

A row that differs says what differs and why ours is the better one; at most six may.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .. import answers
from ..answers import chunk, chunks, completion, error, tool_call
from ..endpoint import DONE, Act, cut, event, hang, reply, reset, stream, stream_then

HTML = b"<html><body>Bad gateway</body></html>"
HELLO = [{"content": "Hello"}, {"content": " there"}]


@dataclass(frozen=True)
class Row:
    """What the endpoint does, whole and streamed. A row that `differs` says why, and what ours raises."""

    name: str
    whole: Act
    streamed: Act
    call: dict[str, Any] = field(default_factory=dict)
    differs: str = ""
    ours: str = ""
    ours_streamed: str = ""


def _same(name: str, act: Act, **fields: Any) -> Row:
    return Row(name, act, act, **fields)


def _status(status: int, message: str = "no", *, headers: dict[str, str] | None = None, **fields: Any) -> Row:
    row = {name: fields.pop(name) for name in ("differs", "ours") if name in fields}
    body = error(message, **fields)
    label = f"{status} {fields.get('code') or ''}{' retry-after' if headers else ''}".strip()
    return _same(label, reply(body, status=status, headers=headers), **row)


def _success(name: str, message: dict[str, Any], deltas: list[dict[str, Any]], **fields: Any) -> Row:
    call = fields.pop("call", {})
    return Row(name, reply(completion(message, **fields)), stream(*chunks(*deltas, **fields)), call)


_TWO_CALLS = [tool_call(), tool_call("g", "{}", id="call_2")]
_DETAILS = {
    **answers.USAGE,
    "prompt_tokens_details": {"cached_tokens": 3},
    "completion_tokens_details": {"reasoning_tokens": 5},
}

SUCCESSES = [
    _success("text", {"content": "Hello there"}, HELLO),
    _success("text without usage", {"content": "Hello there"}, HELLO, usage=None),
    _success("length", {"content": "Hello there"}, HELLO, finish="length"),
    _success("content filter", {"content": "Hello there"}, HELLO, finish="content_filter"),
    _success("line separators", {"content": "a\u2028b\u0085c"}, [{"content": "a\u2028b"}, {"content": "\u0085c"}]),
    _success("usage details", {"content": "Hello"}, [{"content": "Hello"}], usage=_DETAILS),
    _success(
        "reasoning",
        {"content": "4", "reasoning_content": "2+2"},
        [{"reasoning_content": "2+"}, {"reasoning_content": "2"}, {"content": "4"}],
    ),
    _success(
        "tool call",
        {"content": None, "tool_calls": [tool_call()]},
        [
            {"tool_calls": [{"index": 0, **tool_call(arguments="")}]},
            {"tool_calls": [{"index": 0, "function": {"arguments": '{"x":1}'}}]},
        ],
        finish="tool_calls",
    ),
    _success(
        "two tool calls",
        {"content": None, "tool_calls": _TWO_CALLS},
        [{"tool_calls": [{"index": n, **call} for n, call in enumerate(_TWO_CALLS)]}],
        finish="tool_calls",
    ),
    _success("refusal", {"content": None, "refusal": "I will not"}, [{"refusal": "I will not"}]),
    Row(
        "finish beside the last words",
        reply(completion({"content": "Hello"})),
        stream(event(chunk({"role": "assistant", "content": "Hello"}, finish="stop")), DONE),
    ),
    Row(
        "no [DONE] after the finish",
        reply(completion({"content": "Hello"})),
        stream(event(chunk({"content": "Hello"})), event(chunk({}, finish="stop"))),
    ),
]

STATUSES = [
    _status(400),
    _status(400, "This model's maximum context length is 8192 tokens.", code="context_length_exceeded"),
    _status(
        400,
        "Your request was rejected as a result of the safety system.",
        code="content_policy_violation",
        type="invalid_request_error",
    ),
    _status(401),
    _status(402),
    _status(403, ours="PermissionDeniedError 403", differs="LiteLLM's own class for 403, which `except` can name"),
    _status(404),
    _status(408),
    _status(409),
    _status(413),
    _status(422),
    _status(429),
    _status(429, headers={"retry-after": "1"}),
    _status(500),
    _status(502),
    _status(503),
    _status(503, headers={"retry-after": "1"}),
    _status(504),
    _status(529),
    _same("500 of HTML", reply(HTML, status=500, headers={"content-type": "text/html"})),
    _same("502 without a body", reply(b"", status=502)),
    _same(
        "302",
        reply(b"", status=302, headers={"location": "/elsewhere"}),
        ours="APIError 302",
        differs="a redirect is not followed: the key and the prompt go to no other address",
    ),
    _same("407", reply(error("proxy"), status=407)),
]

FAULTS = [
    _same("reset", reset),
    _same("cut body", cut),
    _same("read timeout", hang(), call={"timeout": 0.3}),
    Row("200 of HTML", reply(HTML, headers={"content-type": "text/html"}), stream(event(HTML), DONE)),
    Row("200 of bad JSON", reply(b'{"id": '), stream(event(chunk({"content": "Hello"})), event(b"{oops"), DONE)),
    Row("200 of {}", reply({}), stream(event({}), *chunks(*HELLO))),
    Row(
        "200 that answers nothing",
        reply({**completion(), "choices": []}),
        reply(HTML),
        ours="InternalServerError 500",
        ours_streamed="APIConnectionError 500",
        differs="an answer without choices, or a page instead of a stream, is a fault and not an empty answer",
    ),
    _same(
        "200 of an error",
        reply(error("inner fault")),
        ours="InternalServerError 500",
        ours_streamed="APIConnectionError 500",
        differs="the error is raised with a status, and in a stream it is raised at all",
    ),
    Row("a stream cut after words", cut, stream(event(chunk({"content": "Hello"})), end=False)),
    Row("a stream reset after words", cut, stream_then(reset, event(chunk({"content": "Hello"})))),
    Row(
        "silence between chunks",
        hang(),
        stream_then(hang(), event(chunk({"content": "Hello"}))),
        # The head has to come within it on a busy machine too, or the silence is before the first chunk.
        call={"timeout": 0.6},
        ours="Timeout 408",
        differs="a timeout is told as a timeout",
    ),
    Row("an error event at once", reply(error("late"), status=500), stream(event(error("late", code=500)))),
    Row(
        "an error event after words",
        reply(error("late"), status=500),
        stream(event(chunk({"content": "Hello"})), event(error("late")), DONE),
    ),
    Row(
        "a stream that ends without a finish",
        cut,
        stream(event(chunk({"content": "Hello"}))),
        ours="InternalServerError 500",
        ours_streamed="APIConnectionError 500",
        differs="half an answer is not passed off as a whole one",
    ),
]

ROWS = [*SUCCESSES, *STATUSES, *FAULTS]
