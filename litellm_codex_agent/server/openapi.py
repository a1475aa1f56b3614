"""The OpenAPI document of every route that does not answer with a page.

Law: a row of `_OPERATIONS` is a route; its schemas are the ones that requests are refused by.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from .._version import __version__
from ..backends.telling import EVENT
from ..wire.chat_request import CHAT
from ..wire.run_request import RUN
from ..wire.schema import Schema
from ..wire.shapes import OPEN, TEXT
from .access_log import RUN_ID
from .header_schemas import ONCE, asked, told
from .reply_schemas import REPLIES
from .stream_schemas import event_of

__all__ = ["document"]

_SCHEMAS: Mapping[str, Schema] = {"ChatRequest": CHAT, "Event": EVENT, "RunRequest": RUN, **REPLIES}
_JSON, _SSE, _TEXT = "application/json", "text/event-stream", "text/plain"

# Any route but the health routes: no key, a foreign Origin, a foreign Host; and our own fault.
_GUARDED = (401, 403, 421, 500)
_WITH_BODY = (400, 408, 413, 415, 422)
# The model is unknown, the queue is full, or the backend is not ready. Any other status is the model's own.
_STARTING: tuple[int | str, ...] = (404, 429, 503, "4XX", "5XX")
_POSTED = (*_GUARDED, *_WITH_BODY, *_STARTING)
_OF_A_RUN = (*_GUARDED, 404)

# Where the reply says which run it is: what else can be asked of that one.
_OF_ONE_RUN = ("getRun", "cancelRun", "followRun")


@dataclass(frozen=True)
class _Operation:
    """One route: what it takes, what it answers by content type, and the statuses that it refuses with."""

    method: str
    path: str
    name: str
    summary: str
    replies: Mapping[str, Schema]
    body: str = ""
    statuses: tuple[int, ...] = (200,)
    errors: tuple[int | str, ...] = _GUARDED
    headers: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    key: bool = True


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(name: str) -> dict[str, Schema]:
    return {_JSON: _ref(name)}


def _stream(*names: str) -> dict[str, Schema]:
    return {_SSE: event_of(*map(_ref, names))}


def _chat(path: str, name: str) -> _Operation:
    summary = "A chat completion, answered by a backend"
    replies = {**_json("ChatCompletion"), **_stream("ChatCompletionChunk", "StreamError")}
    return _Operation(
        "post", path, name, summary, replies, body="ChatRequest", errors=_POSTED, headers=ONCE, told=(RUN_ID,)
    )


def _health(path: str, name: str) -> _Operation:
    return _Operation("get", path, name, "Whether the server is alive", _json("Alive"), errors=(), key=False)


def _of_a_run(method: str, name: str, summary: str) -> _Operation:
    return _Operation(method, "/agent/runs/{id}", name, summary, _json("Run"), errors=_OF_A_RUN, told=(RUN_ID,))


_OPERATIONS = (
    _chat("/v1/chat/completions", "createChatCompletion"),
    _chat("/chat/completions", "createChatCompletionWithoutVersion"),
    _Operation("get", "/v1/models", "listModels", "What can be asked for, and whether it is ready", _json("Models")),
    _Operation("get", "/v1/models/{id}", "getModel", "Whether one is ready", _json("Model"), errors=(*_GUARDED, 404)),
    _Operation(
        "post",
        "/agent/run",
        "run",
        "One run, answered with its envelope, or with its events and then the envelope",
        {**_json("Envelope"), **_stream("Event", "Envelope")},
        body="RunRequest",
        errors=_POSTED,
        headers=ONCE,
        told=(RUN_ID,),
    ),
    _Operation(
        "post",
        "/agent/runs",
        "startRun",
        "A run that outlives its request",
        _json("Run"),
        body="RunRequest",
        statuses=(202,),
        errors=_POSTED,
        headers=ONCE,
        told=(RUN_ID, "Location"),
    ),
    _of_a_run("get", "getRun", "How a run stands"),
    _of_a_run("delete", "cancelRun", "Cancels a run that has not ended"),
    _Operation(
        "get",
        "/agent/runs/{id}/events",
        "followRun",
        "A run's events, from the first or behind Last-Event-ID, until it ends",
        _stream("Event", "Envelope"),
        errors=(*_OF_A_RUN, 400),
        headers=("Last-Event-ID",),
        told=(RUN_ID,),
    ),
    _Operation(
        "get",
        "/ready",
        "isReady",
        "Whether a run could start now, and why not",
        _json("Ready"),
        statuses=(200, 503),
        errors=(),
        key=False,
    ),
    _health("/health", "isAlive"),
    _health("/healthz", "isAliveToo"),
    _Operation("get", "/metrics", "getMetrics", "Counts and durations for Prometheus", {_TEXT: TEXT}),
    _Operation("get", "/openapi.json", "getDocument", "This document", {_JSON: OPEN}),
)


def document() -> dict[str, Any]:
    """A new document; its schemas are shared, and not to be changed."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in _OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "litellm-codex-agent",
            "version": __version__,
            "description": "Coding agents behind OpenAI's chat completions. One request is one run.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": paths,
        "components": {
            "schemas": dict(_SCHEMAS),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        # A server on loopback may have no key.
        "security": [{"key": []}, {}],
    }


def _described(operation: _Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "responses": {
            **{str(status): _answer(status, operation) for status in operation.statuses},
            **{str(status): _response(status, _json("Error")) for status in operation.errors},
        },
    }
    if parameters := [*_path_parameters(operation.path), *asked(operation.headers)]:
        described["parameters"] = parameters
    if operation.body:
        described["requestBody"] = {"required": True, "content": _content(_json(operation.body))}
    if not operation.key:
        described["security"] = []
    return described


def _answer(status: int, operation: _Operation) -> dict[str, Any]:
    response = _response(status, operation.replies, operation.told)
    if operation.body:
        run = {"id": f"$response.header.{RUN_ID}"}
        response["links"] = {name: {"operationId": name, "parameters": run} for name in _OF_ONE_RUN}
    return response


def _response(status: int | str, replies: Mapping[str, Schema], headers: tuple[str, ...] = ()) -> dict[str, Any]:
    description = HTTPStatus(status).phrase if isinstance(status, int) else "What the model itself was answered with"
    response = {"description": description, "content": _content(replies)}
    return {**response, "headers": found} if (found := told(status, headers)) else response


def _content(schemas: Mapping[str, Schema]) -> dict[str, Any]:
    return {kind: {"schema": schema} for kind, schema in schemas.items()}


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [{"name": "id", "in": "path", "required": True, "schema": TEXT}] if "{id}" in path else []
