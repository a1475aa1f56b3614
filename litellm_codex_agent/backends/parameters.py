"""A backend's table of parameters: honoured, passed on, listed as ignored, or refused by name.

None is dropped in silence. The options are the fields of the request's `codex_agent` object: a backend honours
those that it names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["BUDGETS", "HARMLESS", "HOUSE_OPTIONS", "Parameters", "RefusedParameter", "STEERING", "sort", "sort_options"]

# They change how an answer is kept, billed or cached, and not what it says.
HARMLESS = frozenset(
    {
        "metadata",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "service_tier",
        "store",
        "user",
    }
)
# They steer or bound a model, and mean nothing to a backend that has none.
STEERING = frozenset(
    {
        "frequency_penalty",
        "logit_bias",
        "max_completion_tokens",
        "max_tokens",
        "parallel_tool_calls",
        "presence_penalty",
        "reasoning_effort",
        "seed",
        "stop",
        "temperature",
        "thinking",
        "tools",
        "top_p",
        "verbosity",
    }
)
# They bound what a run does step by step, and mean nothing to a backend without steps of its own.
BUDGETS = frozenset(
    {"budgets.max_cost_usd", "budgets.max_iterations", "budgets.max_tool_calls", "budgets.max_total_tokens"}
)
# The house keeps these itself, whoever answers.
HOUSE_OPTIONS = frozenset({"budgets", "budgets.max_seconds", "session_id"})
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

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


@dataclass(frozen=True)
class Parameters:
    """Which parameters a backend honours itself, passes to its model, and ignores; and which options it honours.

    It refuses all others.
    """

    honoured: frozenset[str] = frozenset()
    passed: frozenset[str] = frozenset()
    ignored: frozenset[str] = HARMLESS
    options: frozenset[str] = frozenset()


def sort(given: Mapping[str, Any], table: Parameters, backend: str) -> tuple[dict[str, Any], list[str]]:
    """The parameters that the backend gets, and the names of those that change nothing."""
    kept, ignored = {}, []
    for name, value in given.items():
        if name in table.honoured or name in table.passed:
            kept[name] = value
        elif name in table.ignored:
            ignored.append(name)
        elif value is not None and value not in _NEUTRAL.get(name, ()):
            raise _unknown(name, backend)
    return kept, sorted(ignored)


def sort_options(
    given: Mapping[str, Any], table: Parameters, backend: str, *, field: str = "codex_agent"
) -> tuple[dict[str, Any], list[str]]:
    """The options that the backend and the house get, and those that change nothing.

    A budget is an option of its own, as `budgets.max_iterations`; one at `null` was not given, and `false` asks for
    nothing.
    """
    kept, ignored = {}, []
    budgets = {f"budgets.{name}": value for name, value in (given.get("budgets") or {}).items()}
    for name, value in {**given, **budgets}.items():
        if name in table.options | HOUSE_OPTIONS:
            kept[name] = value
        elif value is None or value is False:
            continue
        elif name in table.ignored:
            ignored.append(name)
        else:
            raise _unknown(f"{field}.{name}" if field else name, backend)
    options = {name: value for name, value in kept.items() if value is not None and name not in budgets}
    return options, sorted(ignored)


def _unknown(name: str, backend: str) -> RefusedParameter:
    return RefusedParameter(name, f"{backend!r} cannot honour `{name}`. Leave it out, or ask another model.")
