"""`import litellm_codex_agent.auto` registers the provider: for those who can import, and cannot call."""

from __future__ import annotations

from .provider.register import register

register()
