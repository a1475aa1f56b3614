"""The coding agents' settings, read with those of the server."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from . import coding_table as table
from .given import Given

__all__ = ["CodingSettings", "coding"]


@dataclass(frozen=True)
class CodingSettings:
    """How coding agents are set up. An empty key means that none was set, and empty names the agent's own choice."""

    upstream: str
    upstream_key: str = field(repr=False)
    prices: Path | None
    processes: int
    idle_seconds: float
    codex: str
    codex_model: str
    codex_home: Path | None


def coding(given: Given) -> CodingSettings:
    """What is set for the coding agents."""
    return CodingSettings(
        upstream=given.endpoint(table.UPSTREAM),
        upstream_key=given.key(table.UPSTREAM_KEY),
        prices=given.path(table.PRICES),
        processes=given.whole(table.AGENT_PROCESSES, least=1),
        idle_seconds=given.number(table.AGENT_IDLE_SECONDS, zero=False),
        codex=given.text(table.CODEX),
        codex_model=given.text(table.CODEX_MODEL),
        codex_home=given.path(table.CODEX_HOME),
    )
