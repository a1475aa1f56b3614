"""Where a value stands in its JSON: `messages[2].content[0].type`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

__all__ = ["MAX_NAME_CHARS", "inside", "named", "path", "subject"]

# A field's name is the client's choice: enough of it is shown to find it again.
MAX_NAME_CHARS = 64

_PLAIN_NAME = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_NAME_CHARS}}}")


def inside(where: str, step: str | int) -> str:
    """The path of one entry of what stands at `where`."""
    if isinstance(step, int):
        return f"{where}[{step}]"
    if not _PLAIN_NAME.fullmatch(step):
        # Escaped, so that no name can break a line of a log, and none that is no text fails to be written.
        return f"{where}[{json.dumps(step[:MAX_NAME_CHARS])}]"
    return f"{where}.{step}" if where else step


def path(steps: Iterable[str | int]) -> str:
    where = ""
    for step in steps:
        where = inside(where, step)
    return where


def named(where: str) -> str:
    """What a sentence calls it."""
    return f"`{where}`" if where else "the request body"


def subject(where: str) -> str:
    """What a sentence that begins with it calls it."""
    name = named(where)
    return name[0].upper() + name[1:]
