"""The mini-agent: a loop around a model and its tools, within budgets, told as it happens.

`from litellm_codex_agent.agent import run` is one run from Python, with what `POST /agent/run` takes; `arun` awaits it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["arun", "run"]

if TYPE_CHECKING:
    from .call import arun, run


def __getattr__(name: str) -> Any:
    # The rooms below import this one, and `call` needs them all.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import call

    return getattr(call, name)
