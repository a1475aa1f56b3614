"""A coding agent as a first-class LiteLLM model, and each request runs exactly once.

    register()            puts `codex-agent/<model>` and `codex_cli_agent/<model>` into LiteLLM
    codex_agent, hook     the handler and the deployment hook, by the names a proxy's config uses;
                          reading either registers both
    CodexAgent            the handler's class
    extract_content, assemble_stream_text, augment_json_with_cost
                          helpers for what comes back

The rooms: `provider` (the LiteLLM half); `server` (the agent endpoint), `runs` (a run's life), `backends` (what
answers), `agent` (the mini-agent), `tools`, `sandbox` (the wall), `relay` (between a coding agent and its model);
`wire` (the bytes between the halves), `errors`, `settings`, `responses`, `cli`. Importing this module loads none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from .provider.handler import CodexAgent
    from .provider.register import handler as codex_agent
    from .provider.register import hook, register
    from .responses import assemble_stream_text, augment_json_with_cost, extract_content

__all__ = [
    "CodexAgent",
    "__version__",
    "assemble_stream_text",
    "augment_json_with_cost",
    "codex_agent",
    "extract_content",
    "hook",
    "register",
]

_RESPONSES = ("assemble_stream_text", "augment_json_with_cost", "extract_content")


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in _RESPONSES:
        from . import responses

        return getattr(responses, name)
    from .provider import handler as calls
    from .provider import register as room

    if name in ("codex_agent", "hook"):
        room.register()
    return {
        "codex_agent": room.handler,
        "hook": room.hook,
        "register": room.register,
        "CodexAgent": calls.CodexAgent,
    }[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
