"""The headers of the OpenAPI document: those that a request may have, and those that a reply has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..wire.schema import Schema
from ..wire.shapes import COUNT, NAME
from .access_log import RUN_ID

__all__ = ["ONCE", "asked", "told"]

# Nine digits are read; no client counts further.
_COUNT = {**COUNT, "maximum": 999_999_999}
_KEY = {**NAME, "maxLength": 512}

_ASKED: Mapping[str, tuple[Schema, str]] = {
    "Idempotency-Key": (_KEY, "The same key is the same run, however often it is asked for."),
    "x-codex-agent-attempt": (_COUNT, "Which attempt this is; 0 is the first."),
    "x-codex-agent-retries-left": (_COUNT, "How often the caller will ask again where this attempt fails."),
    "Last-Event-ID": (_COUNT, "The last event that the client has: the stream goes on behind it."),
}
ONCE = ("Idempotency-Key", "x-codex-agent-attempt", "x-codex-agent-retries-left")

# The last word says whether a reply always has it.
_TOLD: Mapping[str, tuple[Schema, str, bool]] = {
    RUN_ID: (NAME, "The run that answers.", True),
    "Location": (NAME, "Where the run can be asked after.", True),
    "Retry-After": (_COUNT, "In how many seconds to ask again, where that is known.", False),
    "WWW-Authenticate": (NAME, "How to send the key.", True),
}
_WITH_STATUS: Mapping[int | str, str] = {401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}


def asked(names: Iterable[str]) -> list[dict[str, Any]]:
    """The headers that a request may have, as parameters."""
    rows = {name: _ASKED[name] for name in names}
    return [
        {"name": name, "in": "header", "description": meaning, "schema": schema}
        for name, (schema, meaning) in rows.items()
    ]


def told(status: int | str, names: Iterable[str] = ()) -> dict[str, Any]:
    """The headers of a reply with this status: these, and the one that the status itself brings."""
    of_status = [_WITH_STATUS[status]] if status in _WITH_STATUS else []
    return {name: _described(*_TOLD[name]) for name in [*names, *of_status]}


def _described(schema: Schema, description: str, always: bool) -> dict[str, Any]:
    return {"description": description, "required": always, "schema": schema}
