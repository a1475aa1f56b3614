"""The server's settings, read once when it starts, from the environment and the flags laid over it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from . import table
from .coding import CodingSettings, coding
from .coding_table import CODING
from .given import Given
from .mini import MiniSettings, mini
from .mini_table import MINI

__all__ = ["ServerSettings", "server", "without_server"]

_LAST_PORT = 65_535
_NO_FLAGS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class ServerSettings:
    """How the server is set up."""

    host: str
    port: int
    key: str = field(repr=False)
    # No names means those of loopback.
    allowed_hosts: tuple[str, ...]
    allowed_origins: tuple[str, ...]
    state: Path
    max_runs: int
    max_queue: int
    max_seconds: float
    retry_seconds: float
    drain_seconds: float
    keep_days: float
    keep_bytes: int
    record: Path | None
    recordings: Path | None
    replay_pace: float
    mini: MiniSettings
    coding: CodingSettings


def server(environ: Mapping[str, str] = os.environ, flags: Mapping[str, str] = _NO_FLAGS) -> ServerSettings:
    """The server's settings; `flags` are texts by the name of their variable. What cannot be meant is `Unusable`."""
    given = Given(environ, flags)
    state = _state(given)
    return ServerSettings(
        host=given.host(table.HOST),
        port=given.whole(table.PORT, most=_LAST_PORT),
        key=given.key(table.SERVER_KEY),
        allowed_hosts=given.hosts(table.ALLOWED_HOSTS),
        allowed_origins=given.origins(table.ALLOWED_ORIGINS),
        state=state,
        max_runs=given.whole(table.MAX_RUNS, least=1),
        max_queue=given.whole(table.MAX_QUEUE),
        max_seconds=given.number(table.MAX_SECONDS, zero=False),
        retry_seconds=given.number(table.RETRY_SECONDS),
        drain_seconds=given.number(table.DRAIN_SECONDS),
        keep_days=given.number(table.KEEP_DAYS, zero=False),
        keep_bytes=given.size(table.KEEP_BYTES),
        record=given.path(table.RECORD),
        recordings=given.path(table.RECORDINGS),
        replay_pace=given.number(table.REPLAY_PACE),
        mini=mini(given, state),
        coding=coding(given),
    )


def without_server(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment without what sets up a server, for one that is set up by its flags alone."""
    own = {table.SERVER_KEY, *(row.name for row in table.VARIABLES if row.flag or row in (*MINI, *CODING))}
    return {name: text for name, text in environ.items() if name not in own}


def _state(given: Given) -> Path:
    home = given.text(table.STATE_HOME)
    # The XDG base directory specification: a relative path in one of its variables is to be ignored.
    base = home if Path(home).is_absolute() else table.LOCAL_STATE
    return given.path_or(table.STATE, f"{base}/{table.STATE_FOLDER}")
