"""What an MCP server's reply says, as a result that a model can read. Pure.

Law: what is not text is told, not dropped; and whatever the reply holds, no more is kept of it than of any tool's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .source import MAX_WHOLE_BYTES, Result

__all__ = ["result_of"]

# Enough of a failed call's own words to know what it is.
_MAX_SAID_CHARS = 500
# Of a name, a kind or a URI that a server chose.
_MAX_NAME_CHARS = 200


def result_of(told: Mapping[str, Any], isolation: str | None = None) -> Result:
    """The result in what `tools/call` gave, as JSON has it."""
    content = told.get("content")
    parts = [_text(block) for block in content if isinstance(block, Mapping)] if isinstance(content, list) else []
    if (structured := told.get("structuredContent")) is not None and not _says(parts, structured):
        parts.append(json.dumps(structured, ensure_ascii=False))
    text = "\n".join(part for part in parts if part)
    error = ""
    if told.get("isError") is True:
        error = text[:_MAX_SAID_CHARS] or "The tool says that it failed."
    data = text.encode("utf-8", "replace")
    if len(data) > MAX_WHOLE_BYTES:
        text = data[:MAX_WHOLE_BYTES].decode("utf-8", "ignore")
        error = error or f"The reply is over {MAX_WHOLE_BYTES:,} bytes, and was cut there."
    return Result(rc=1 if error else 0, stdout=text, isolation=isolation, error=error)


def _says(parts: Sequence[str], structured: Any) -> bool:
    """Whether the text is the structured content over again, as the protocol asks servers to send it.

    A tool that gives a bare value has it put into an object: `{"result": 7}`.
    """
    if len(parts) != 1:
        return False
    wrapped = isinstance(structured, Mapping) and list(structured) == ["result"]
    if wrapped and structured["result"] == parts[0]:
        return True
    try:
        said = json.loads(parts[0])
    except (ValueError, RecursionError):
        return False
    return bool(said == structured or (wrapped and said == structured["result"]))


def _text(block: Mapping[str, Any]) -> str:
    kind = block.get("type")
    if kind == "text":
        return str(block.get("text", ""))
    if kind in ("image", "audio"):
        return f"[{kind} of type {_name(block, 'mimeType')} left out, {_size(block.get('data')):,} bytes]"
    if kind == "resource_link":
        return f"[link to the resource {_name(block, 'uri')}, {_name(block, 'name')}]"
    if kind == "resource" and isinstance(resource := block.get("resource"), Mapping):
        return _resource(resource)
    return f"[content of the kind {_name(block, 'type')} left out]"


def _resource(resource: Mapping[str, Any]) -> str:
    if isinstance(said := resource.get("text"), str):
        return f"[resource {_name(resource, 'uri')}]\n{said}"
    size = _size(resource.get("blob"))
    return f"[resource {_name(resource, 'uri')} of type {_name(resource, 'mimeType')} left out, {size:,} bytes]"


def _name(block: Mapping[str, Any], field: str) -> str:
    return str(block.get(field) or "unknown")[:_MAX_NAME_CHARS]


def _size(base64: object) -> int:
    """How many bytes are behind a text in base64."""
    return len(base64.rstrip("=")) * 3 // 4 if isinstance(base64, str) else 0
