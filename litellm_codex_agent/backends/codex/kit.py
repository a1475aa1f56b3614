"""What the operator has given Codex, as things to work with. The one file of this room that knows settings."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ...agent.budget import Budgets
from ...agent.setup import Setup
from ...relay.relay import Relay
from ...relay.upstream import Upstream
from ...sandbox.sandbox import Sandbox
from ...settings import UPSTREAM, UPSTREAM_KEY, CodingSettings, proxy_for, tls_verification
from ...tools.secrets import Scanner
from ...tools.workspace import Workspaces, home_of
from ..backend import NotReady
from ..prices import Prices, read_prices
from .binary import Binary, found
from .bridge import Bridge
from .pool import Pool
from .process import AppServer, Recipe, running
from .sessions import Sessions, digest, prune, tidy

__all__ = ["Kit", "homes_of", "opened"]

_FOLDER = "codex"
_DAY = 86_400.0


@dataclass(frozen=True)
class Kit:
    """`upstream` is None where Codex asks its vendor by its own login."""

    binary: Binary
    sandbox: Sandbox
    workspaces: Workspaces
    scanner: Scanner
    budgets: Budgets
    network: bool
    model: str
    upstream: Upstream | None
    prices: Prices | None
    relay: Relay
    bridge: Bridge
    pool: Pool[AppServer]
    sessions: Sessions


@asynccontextmanager
async def opened(config: CodingSettings, state: Path, setup: Setup, *, keep_days: float) -> AsyncIterator[Kit]:
    """All that Codex needs beside its processes, which start when they are needed. Raises `NotReady`.

    Conversations are kept as long as ended runs are.
    """
    if setup.sandbox is None:
        raise NotReady(setup.no_sandbox)
    binary = found(config.codex)
    home = homes_of(state, setup.sandbox.uid)
    sessions = state / _FOLDER / "sessions"
    await asyncio.to_thread(prune, sessions, home, time.time() - keep_days * _DAY)
    start = partial(_start, Recipe(binary, setup.sandbox), home, config.codex_home)
    pool = Pool(start, lambda server: server.usable, most=config.processes, idle_seconds=config.idle_seconds)
    async with Relay() as relay, Bridge().serving() as bridge:
        try:
            yield Kit(
                binary=binary,
                sandbox=setup.sandbox,
                workspaces=setup.workspaces,
                scanner=setup.scanner,
                budgets=setup.budgets,
                network=setup.network,
                model=config.codex_model,
                upstream=None if config.codex_home else _upstream(config),
                prices=await asyncio.to_thread(read_prices, config.prices) if config.prices else None,
                relay=relay,
                bridge=bridge,
                pool=pool,
                sessions=Sessions(sessions),
            )
        finally:
            await pool.close()
            await asyncio.to_thread(tidy, home)


def homes_of(state: Path, uid: int | None) -> Path:
    """Where each tenant's Codex has its home. Beneath root that is not in the state directory, and it is this one's."""
    homes = home_of(state, uid).with_name(_FOLDER)
    return homes / "homes" if uid is None else homes / digest(str(state.resolve()))


def _start(recipe: Recipe, home: Path, login: Path | None, tenant: str) -> AbstractAsyncContextManager[AppServer]:
    return running(recipe, login or home / digest(tenant), own=login is None)


def _upstream(config: CodingSettings) -> Upstream:
    if not config.upstream_key:
        raise NotReady(
            f"It has no key for {config.upstream}. Set {UPSTREAM_KEY}, and {UPSTREAM} (--upstream) for another place."
        )
    return Upstream(config.upstream, config.upstream_key, verify=_verify(), proxy=proxy_for(config.upstream))


def _verify() -> ssl.SSLContext | bool:
    verify = tls_verification()
    return ssl.create_default_context(cafile=verify) if isinstance(verify, str) else verify
