"""A table of parameters for each backend: honoured, passed on, ignored and listed, or refused by name. None is lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["HARMLESS", "Parameters", "RefusedParameter", "sort"]

# They change how an answer is kept, billed or cached, and not what it says.
HARMLESS = frozenset(
    {"metadata", "prompt_cache_key", "prompt_cache_retention", "safety_identifier", "service_tier", "store", "user"}
)
# A parameter at its neutral value asks for nothing, whatever the backend.
_NEUTRAL: Mapping[str, tuple[Any, ...]] = {
    "frequency_penalty": (0,),
    "function_call": ("none", "auto"),
    "logprobs": (False,),
    "modalities": (["text"],),
    "n": (1,),
    "presence_penalty": (0,),
    "response_format": ({"type": "text"},),
    "tool_choice": ("none", "auto"),
    "tools": ([],),
}


class RefusedParameter(ValueError):
    """A parameter that the backend cannot honour; `name` is the request's field."""

    def __init__(self, name: str, backend: str) -> None:
        super().__init__(f"{backend!r} cannot honour `{name}`. Leave it out, or ask another model.")
        self.name = name


@dataclass(frozen=True)
class Parameters:
    """Which parameters a backend honours itself, passes to its model, and ignores. It refuses all others."""

    honoured: frozenset[str] = frozenset()
    passed: frozenset[str] = frozenset()
    ignored: frozenset[str] = HARMLESS


def sort(given: Mapping[str, Any], table: Parameters, backend: str) -> tuple[dict[str, Any], list[str]]:
    """The parameters that the backend gets, and the names of those that change nothing."""
    kept, ignored = {}, []
    for name, value in given.items():
        if name in table.honoured or name in table.passed:
            kept[name] = value
        elif name in table.ignored:
            ignored.append(name)
        elif value is not None and value not in _NEUTRAL.get(name, ()):
            raise RefusedParameter(name, backend)
    return kept, sorted(ignored)
