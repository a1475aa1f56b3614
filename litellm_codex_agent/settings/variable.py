"""A row of the table of settings, and what is raised where a setting cannot be used."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Unusable", "Variable"]


@dataclass(frozen=True)
class Variable:
    """A row of the table of settings in the reference, and of the help of `codex-agent serve` where it has a flag."""

    name: str
    default: str
    meaning: str
    flag: str = ""
    # What to write, where the default does not show it.
    example: str = ""


class Unusable(ValueError):
    """A setting that cannot be used; the message names it and says what to write."""
