"""The server's settings, read once when it starts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from .table import DEFAULT_PORT, HOST, LOOPBACK, PORT, SERVER_KEY, Unusable

__all__ = ["ServerSettings", "server"]

_LAST_PORT = 65_535
_PORT_DIGITS = 5


@dataclass(frozen=True)
class ServerSettings:
    """What the server takes from the environment."""

    host: str
    port: int
    key: str


def server(environ: Mapping[str, str] = os.environ) -> ServerSettings:
    """The server's settings; a port that cannot be is `Unusable`, and the sentence names the variable."""
    port = environ.get(PORT, "").strip() or str(DEFAULT_PORT)
    if not port.isdecimal() or len(port) > _PORT_DIGITS or int(port) > _LAST_PORT:
        raise Unusable(f"{PORT} is {port!r}, and has to be a number up to {_LAST_PORT}, as in {PORT}={DEFAULT_PORT}.")
    return ServerSettings(
        host=environ.get(HOST, "").strip() or LOOPBACK,
        port=int(port),
        key=environ.get(SERVER_KEY, "").strip(),
    )
