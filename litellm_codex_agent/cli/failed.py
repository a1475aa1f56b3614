"""How a command says that it could not do what was asked."""

from __future__ import annotations

__all__ = ["Failed"]


class Failed(Exception):
    """The command failed; the message is one sentence that says what to do."""
