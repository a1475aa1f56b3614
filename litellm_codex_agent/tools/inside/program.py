"""One call from stdin, what came of it to stdout, both JSON."""

from __future__ import annotations

import json
import sys
from types import ModuleType
from typing import Any

from .paths import Failed, Told

__all__ = ["answered", "main"]


def answered(tools: ModuleType, tool: str, arguments: dict[str, Any]) -> Told:
    """What a tool of that file tells, a failure too."""
    try:
        told: Told = getattr(tools, tool)(**arguments)
    except Failed as error:
        return {"error": str(error)}
    except OSError as error:
        return {"error": f"{arguments.get('path', '.')}: {error.strerror}."}
    return told


def main(tools: ModuleType) -> None:
    given = json.load(sys.stdin)
    json.dump(answered(tools, given["tool"], given["arguments"]), sys.stdout)
