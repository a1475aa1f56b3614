"""What the operator has given the mini-agent, as things to work with. The one file of this room that knows settings."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..backends.backend import NotReady
from ..sandbox.command import SandboxUnavailable
from ..sandbox.levels import chosen
from ..sandbox.sandbox import Sandbox
from ..settings import SCRIPTS, SECRET_PATTERNS, WORKSPACES, MiniSettings
from ..tools.commands import DEFAULT_COMMANDS
from ..tools.secrets import BrokenPattern, Scanner
from ..tools.workspace import Workspaces, home_of
from .budget import Budgets
from .choice import Choice
from .trace import Trace

__all__ = ["Setup", "setup"]

_log = logging.getLogger("litellm_codex_agent.agent")


@dataclass(frozen=True)
class Setup:
    """`sandbox` is None where no wall works, and `no_sandbox` says why."""

    model: str
    models: Choice
    budgets: Budgets
    workspaces: Workspaces
    scanner: Scanner
    sandbox: Sandbox | None
    no_sandbox: str = ""
    commands: Sequence[str] = DEFAULT_COMMANDS
    tool_seconds: float = 60.0
    tool_parallel: int = 4
    tool_origins: Sequence[str] = ()
    tool_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    network: bool = False
    park_seconds: float = 600.0
    skip_chutes: bool = False
    trace: Trace | None = None


async def setup(config: MiniSettings, state: Path, *, max_seconds: float, secrets: Sequence[str] = ()) -> Setup:
    """Probes the wall. `state` is the server's directory, `secrets` what no tool may say."""
    _warn(config)
    sandbox, why = None, ""
    try:
        sandbox = await chosen(config.sandbox)
    except SandboxUnavailable as error:
        why = str(error)
    known = [*secrets, *config.tool_headers.values()]
    return Setup(
        model=config.model,
        models=Choice(config.router_config, config.scripts),
        budgets=Budgets(
            config.max_iterations, config.max_tool_calls, config.max_tokens, config.max_cost_usd, max_seconds
        ),
        workspaces=await _workspaces(config, state, sandbox.uid if sandbox else None),
        scanner=_scanner(known, config.secret_patterns),
        sandbox=sandbox,
        no_sandbox=why,
        commands=config.commands or DEFAULT_COMMANDS,
        tool_seconds=config.tool_seconds,
        tool_parallel=config.tool_parallel,
        tool_origins=config.tool_origins,
        tool_headers=config.tool_headers,
        network=config.network,
        park_seconds=config.park_seconds,
        skip_chutes=config.skip_chutes,
        trace=Trace(config.traces) if config.traces else None,
    )


def _warn(config: MiniSettings) -> None:
    """Of directories that are not there: they may come later, and whoever mistyped one wants to know now."""
    named = {WORKSPACES: config.workspaces, SCRIPTS: (config.scripts,) if config.scripts else ()}
    for variable, folders in named.items():
        for folder in folders:
            if not folder.is_dir():
                _log.warning("%s names %s, and there is no such directory.", variable, folder)


async def _workspaces(config: MiniSettings, state: Path, uid: int | None) -> Workspaces:
    """What a server that died has left there goes now."""
    workspaces = Workspaces(config.workspaces, home_of(state, uid), uid, kept=(state,))
    await asyncio.to_thread(workspaces.clear)
    return workspaces


def _scanner(known: Sequence[str], patterns: Sequence[str]) -> Scanner:
    try:
        return Scanner(known, patterns)
    except BrokenPattern as error:
        raise NotReady(f"{SECRET_PATTERNS} cannot be used: {error}") from error
