"""One call from stdin, what came of it to stdout, both JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

from .paths import Failed, Told
from .search import list_files, search_files
from .texts import edit_file, read_file, write_file

__all__ = ["TOOLS", "answered", "main"]

TOOLS: dict[str, Callable[..., Told]] = {
    tool.__name__: tool for tool in (edit_file, list_files, read_file, search_files, write_file)
}


def answered(tool: str, arguments: dict[str, object]) -> Told:
    """What the tool tells, a failure too."""
    try:
        return TOOLS[tool](**arguments)
    except Failed as error:
        return {"error": str(error)}
    except OSError as error:
        return {"error": f"{arguments.get('path', '.')}: {error.strerror}."}


def main() -> None:
    given = json.load(sys.stdin)
    json.dump(answered(given["tool"], given["arguments"]), sys.stdout)
