"""The mini-agent's settings, read with those of the server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from . import mini_table as table
from .given import Given

__all__ = ["MiniSettings", "mini"]

_SANDBOXES = ("auto", "bwrap", "landlock", "none")
_TRACES = "traces.jsonl"
# A run that has spent so many tokens has cost a house; it is a bound against slips of the finger.
_MOST_TOKENS = 1_000_000_000


@dataclass(frozen=True)
class MiniSettings:
    """How the mini-agent is set up. No commands means those that the package names."""

    model: str
    router_config: Path | None
    scripts: Path | None
    max_iterations: int
    max_tool_calls: int
    max_tokens: int
    max_cost_usd: float | None
    tool_seconds: float
    tool_parallel: int
    park_seconds: float
    sandbox: str
    workspaces: tuple[Path, ...]
    commands: tuple[str, ...]
    network: bool
    tool_origins: tuple[str, ...]
    tool_headers: Mapping[str, str] = field(repr=False)
    secret_patterns: tuple[str, ...]
    # No path means that no traces are kept.
    traces: Path | None
    skip_chutes: bool


def mini(given: Given, state: Path) -> MiniSettings:
    """What is set for the mini-agent; `state` is the server's directory."""
    traced = given.switch(table.STORE_TRACES)
    path = given.path_or(table.STORE_PATH, str(state / _TRACES))
    return MiniSettings(
        model=given.text(table.MODEL),
        router_config=given.path(table.ROUTER_CONFIG),
        scripts=given.path(table.SCRIPTS),
        max_iterations=given.whole(table.MAX_ITERATIONS, least=1),
        max_tool_calls=given.whole(table.MAX_TOOL_CALLS, least=1),
        max_tokens=given.whole(table.MAX_TOKENS, least=1, most=_MOST_TOKENS),
        max_cost_usd=given.number(table.MAX_COST_USD, zero=False) if given.text(table.MAX_COST_USD) else None,
        tool_seconds=given.number(table.TOOL_SECONDS, zero=False),
        tool_parallel=given.whole(table.TOOL_PARALLEL, least=1),
        park_seconds=given.number(table.PARK_SECONDS),
        sandbox=given.choice(table.SANDBOX, _SANDBOXES),
        workspaces=given.paths(table.WORKSPACES),
        commands=given.words(table.COMMANDS),
        network=given.switch(table.NETWORK),
        tool_origins=given.addresses(table.TOOL_ORIGINS),
        tool_headers=given.texts(table.TOOL_HEADERS),
        secret_patterns=given.patterns(table.SECRET_PATTERNS),
        traces=path if traced else None,
        skip_chutes=given.switch(table.SKIP_CHUTES),
    )
