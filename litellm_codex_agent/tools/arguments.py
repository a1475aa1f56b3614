"""The arguments of a tool call, as a model wrote them, read and checked before anything is done with them. Pure.

Law: a fault is one sentence that the model can read, and mend its call by. A tool whose schema cannot be checked gets
its arguments as they are: the model could not mend that, and the tool looks at them itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..wire.schema import BrokenRequest
from ..wire.strict_json import read_json
from .schemas import Uncheckable, fault
from .source import Tool

__all__ = ["BrokenArguments", "MAX_ARGUMENTS_BYTES", "read_arguments"]

# A file that is written whole fits, and nothing that only a loop of the model's would make.
MAX_ARGUMENTS_BYTES = 1024 * 1024


class BrokenArguments(ValueError):
    """The call cannot be made; the message is one sentence for the model."""


def read_arguments(text: str, tool: Tool) -> Mapping[str, Any]:
    """Raises `BrokenArguments`. No text at all is no arguments: many models leave them out where none are needed."""
    data = text.encode("utf-8", "replace")
    if len(data) > MAX_ARGUMENTS_BYTES:
        said = f"{len(data):,} bytes, and may have {MAX_ARGUMENTS_BYTES:,}"
        raise BrokenArguments(f"The arguments of `{tool.name}` have {said}. Do it in smaller steps.")
    try:
        value = read_json(data, f"The arguments of `{tool.name}` were not understood: the text") if text.strip() else {}
    except BrokenRequest as error:
        raise BrokenArguments(str(error)) from error
    if not isinstance(value, dict):
        raise BrokenArguments(f"The arguments of `{tool.name}` have to be a JSON object.")
    if why := _mismatch(value, tool.parameters):
        raise BrokenArguments(f"The arguments of `{tool.name}` do not fit its schema: {why}.")
    return value


def _mismatch(value: dict[str, Any], schema: Mapping[str, Any]) -> str:
    try:
        return fault(value, schema)
    except Uncheckable:
        return ""
