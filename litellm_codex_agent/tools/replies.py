"""What a reply of a tools' server says: the tool's result, or why there is none. Pure.

Law: a failure never looks like a result, whether the status tells it or the body does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from .source import MAX_WHOLE_BYTES, Result

__all__ = ["Reply", "fault_of", "result_of"]

# Enough of a failed reply's own words to know what it is.
_MAX_SAID_CHARS = 500


@dataclass(frozen=True)
class Reply:
    """What came of a request: `status` is one of `retries` where there was no answer, and `fault` says why not."""

    status: int
    body: bytes = b""
    cut: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: str = ""


def result_of(reply: Reply, name: str) -> Result:
    """The result in a reply of the server of this name."""
    text = reply.body.decode("utf-8", "replace")
    if fault := fault_of(reply):
        return Result(rc=1, stdout=text, error=f"The tools' server at {name} did not do it: {fault}")
    if reply.cut:
        return Result(rc=1, stdout=text, error=f"The reply is over {MAX_WHOLE_BYTES:,} bytes, and was cut there.")
    failure = _failure(text)
    return Result(rc=1 if failure else 0, stdout=text, error=failure)


def fault_of(reply: Reply) -> str:
    """Why a reply is none, as the end of a sentence; empty where it is one."""
    status = reply.status
    if reply.fault or 200 <= status < 300:
        return reply.fault
    if 300 <= status < 400:
        return f"it answered {status} and points {_target(reply.headers)}; redirects are not followed."
    phrase = next((known.phrase for known in HTTPStatus if known == status), "")
    waits = reply.headers.get("retry-after", "")
    later = f" and asks to wait {waits:.40}" if waits.isdecimal() else ""
    return f"it answered {status} {phrase}".rstrip() + f"{later}."


def _target(headers: Mapping[str, str]) -> str:
    """Where a redirect leads, without what may be secret in it."""
    try:
        parts = urlsplit(headers.get("location", ""))
        place = f"{parts.scheme}://{parts.hostname}" if parts.hostname else parts.path
    except ValueError:
        place = ""
    return f"to {place:.200}" if place else "nowhere"


def _failure(text: str) -> str:
    """What a reply that was delivered says of its own failure: `ok: false`, `isError: true` or an `error`."""
    try:
        told: Any = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(told, Mapping):
        return ""
    said = told.get("error")
    if isinstance(said, Mapping):
        said = said.get("message") or json.dumps(said)
    failed = bool(said) or told.get("ok") is False or told.get("isError") is True
    return (str(said)[:_MAX_SAID_CHARS] if said else "The tool says that it failed.") if failed else ""
