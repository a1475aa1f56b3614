"""The body of POST /agent/run and /agent/runs.

Law: a fault in a field is a 422 that names it, as the seed's clients expect; what is not JSON, and a backend
of HTTP tools without its address, is a 400.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .credentials import secrets_of
from .messages import MESSAGES, MODEL, RESPONSE_FORMAT, SESSION_ID, WORKSPACE
from .requests import checked, digest, without_null
from .schema import BrokenRequest, Schema
from .shapes import ABOVE_ZERO, AT_LEAST_ONE, FLAG, NAME, TEXT, closed, list_of, one_of, optional
from .strict_json import read_json

__all__ = ["RUN", "RunRequest", "TOOL_BACKENDS", "read_run"]

TOOL_BACKENDS = ("local", "http", "mcp", "echo", "router")
_STATUS = 422
_BASE_URL = "tool_http_base_url"
_NO_BASE_URL = f'`{_BASE_URL}` has to be the address of the tools\' server where `tool_backend` is "http".'

_TEXTS: Schema = {"type": "object", "additionalProperties": TEXT}
_MCP_SERVER: Schema = {
    "anyOf": [
        closed({"command": NAME, "args": list_of(TEXT), "env": _TEXTS, "cwd": NAME}, "command"),
        closed({"url": NAME, "headers": _TEXTS, "authorization": TEXT}, "url"),
    ]
}
# How each budget is called here, and in a run's options.
_BUDGETS = {
    "max_iterations": "max_iterations",
    "max_total_seconds": "max_seconds",
    "max_total_tokens": "max_total_tokens",
    "max_tool_calls": "max_tool_calls",
    "max_cost_usd": "max_cost_usd",
}
_PARAMETERS = ("response_format",)
_OPTIONS: Mapping[str, Schema] = {
    "tool_http_base_url": NAME,
    "tool_http_headers": _TEXTS,
    "mcp_servers": {"type": "object", "additionalProperties": _MCP_SERVER},
    "escalate_on_budget_exceeded": FLAG,
    "escalate_model": MODEL,
    "use_tools": FLAG,
    "auto_run_code_on_code_block": FLAG,
    "enable_repair": FLAG,
    "workspace": WORKSPACE,
    "session_id": SESSION_ID,
}
_OPTIONAL: Mapping[str, Schema] = {
    "tool_backend": {
        "description": "Where the tools come from; `echo` and `router` ask for none.",
        **one_of(*TOOL_BACKENDS),
    },
    **_OPTIONS,
    "max_iterations": AT_LEAST_ONE,
    "max_total_seconds": ABOVE_ZERO,
    "max_total_tokens": AT_LEAST_ONE,
    "max_tool_calls": AT_LEAST_ONE,
    "max_cost_usd": ABOVE_ZERO,
    "response_format": RESPONSE_FORMAT,
}
RUN: Schema = {
    **closed(
        {"model": MODEL, "messages": MESSAGES, **{name: optional(schema) for name, schema in _OPTIONAL.items()}},
        "model",
        "messages",
    ),
    # The rule that `read_run` tells in its own words, for those who read the document.
    "anyOf": [
        {"properties": {"tool_http_base_url": NAME}, "required": ["tool_http_base_url"]},
        {"properties": {"tool_backend": {"enum": [*(name for name in TOOL_BACKENDS if name != "http"), None]}}},
    ],
}


@dataclass(frozen=True)
class RunRequest:
    """One run, as it was asked for: fields that were null are not there, budgets are called as in a chat's."""

    model: str
    messages: Sequence[Mapping[str, Any]] = field(repr=False)
    tool_backend: str = "local"
    parameters: Mapping[str, Any] = field(default_factory=dict, repr=False)
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    digest: str = ""
    secrets: tuple[str, ...] = field(default=(), repr=False)


def read_run(body: bytes) -> RunRequest:
    """The run in a request's body. Raises `BrokenRequest`."""
    asked = read_json(body)
    if isinstance(asked, dict) and asked.get("tool_backend") == "http" and asked.get(_BASE_URL) in (None, ""):
        raise BrokenRequest(_BASE_URL, _NO_BASE_URL)
    asked = checked(asked, RUN, status=_STATUS)
    given = without_null(asked)
    options = {name: given[name] for name in _OPTIONS if name in given}
    if budgets := {own: given[name] for name, own in _BUDGETS.items() if name in given}:
        options["budgets"] = budgets
    return RunRequest(
        model=given["model"],
        messages=given["messages"],
        tool_backend=given.get("tool_backend", "local"),
        parameters={name: given[name] for name in _PARAMETERS if name in given},
        options=options,
        digest=digest(asked),
        secrets=secrets_of(asked),
    )
