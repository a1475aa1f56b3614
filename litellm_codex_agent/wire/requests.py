"""What chats and runs do alike with a body: check it, clear it of null, and tell whether two ask for the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from .schema import BrokenRequest, Schema, check

__all__ = ["checked", "digest", "without_null"]

# Who answers, and how the answer travels: a retry or a fallback may change them, and asks for the same.
_BESIDE = frozenset({"model", "stream", "stream_options"})


def checked(asked: Any, schema: Schema, *, status: int = 400) -> dict[str, Any]:
    """`asked`, if it is what `schema` says. A fault in it has this status."""
    try:
        check(asked, schema)
    except BrokenRequest as fault:
        raise BrokenRequest(fault.param, str(fault), status=status) from fault
    return dict(asked)


def digest(asked: Mapping[str, Any]) -> str:
    """What is asked, in 64 characters: equal for two bodies that ask for the same work."""
    work = {name: value for name, value in asked.items() if name not in _BESIDE and value is not None}
    text = json.dumps(work, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def without_null(fields: Mapping[str, Any] | None) -> dict[str, Any]:
    """Null is how clients write what they leave out."""
    return {name: value for name, value in (fields or {}).items() if value is not None}
