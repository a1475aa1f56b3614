"""`register()`: the provider in LiteLLM's map and the hook among its callbacks. Idempotent; loud when it cannot."""

from __future__ import annotations

import litellm
from litellm.utils import custom_llm_setup

from . import installed
from .eager import Hook
from .handler import CodexAgent
from .request import NAMES

__all__ = ["handler", "hook", "register"]

handler = CodexAgent()


def register() -> None:
    """Make `codex-agent/<model>` and `codex_cli_agent/<model>` models of LiteLLM. Call it before `Router(...)`.

    Appends to what other plugins have registered, and does nothing where it already stands.
    Raises `Misconfigured` on a LiteLLM that is too old.
    """
    installed.check()
    registered = {item["provider"]: item["custom_handler"] for item in litellm.custom_provider_map}
    for name in NAMES:
        other = registered.get(name, handler)
        if other is not handler:
            raise RuntimeError(
                f"LiteLLM already has a provider {name!r}, from {type(other).__module__}. "
                "Take one of the two out of litellm.custom_provider_map."
            )
        if name not in registered:
            litellm.custom_provider_map.append({"provider": name, "custom_handler": handler})
    custom_llm_setup()  # type: ignore[no-untyped-call]  # LiteLLM wrote no types for it
    if hook not in litellm.callbacks:
        litellm.callbacks.append(hook)


hook = Hook(ensure=register)
