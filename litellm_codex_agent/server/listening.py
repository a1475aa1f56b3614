"""Where the server listens. An address that other machines reach needs a key; one that is taken is one sentence."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import ExitStack
from dataclasses import dataclass, field

from ..settings import HOST, SERVER_KEY, Unusable, is_loopback

__all__ = ["BACKLOG", "Bind", "check_bind", "listen", "url_of", "why_not"]

# Clients that wait to be accepted; the kernel has the last word (net.core.somaxconn).
BACKLOG = 2_048
# `localhost` names an address of IPv6 too, on machines and in containers that have none.
_NO_SUCH_FAMILY = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


@dataclass(frozen=True)
class Bind:
    """Where to listen, and the key that is asked for there."""

    host: str
    port: int
    key: str = field(default="", repr=False)


def check_bind(bind: Bind) -> None:
    """Refuses an address that other machines reach, where no key is asked for."""
    if not bind.key and not is_loopback(bind.host):
        raise Unusable(
            f"{HOST} (--host) is {bind.host!r}, which other machines can reach, so a key is needed: set {SERVER_KEY}."
        )


def listen(host: str, port: int) -> list[socket.socket]:
    """A socket for each address of `host`, all with one port."""
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    missing = OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
    with ExitStack() as opened:
        listeners: list[socket.socket] = []
        for family, address in dict.fromkeys((family, address) for family, _, _, _, address in found):
            chosen = listeners[0].getsockname()[1] if listeners else port
            try:
                listener = socket.create_server((str(address[0]), chosen), family=family, backlog=BACKLOG)
            except OSError as error:
                if error.errno not in _NO_SUCH_FAMILY:
                    raise
                missing = error
            else:
                listeners.append(opened.enter_context(listener))
        if not listeners:
            raise missing
        opened.pop_all()
    return listeners


def why_not(error: OSError, host: str, port: int) -> str:
    """Why nothing can listen there, and what to do."""
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is taken. Stop the program that has it, or choose another with --port."
    # What `create_server` raises says more in its text than the system does.
    reason = error.strerror or "the system does not say why"
    return f"cannot listen on port {port} of {host}: {reason.partition(' (while')[0]}."


def url_of(listener: socket.socket) -> str:
    """The address that a client on this machine would use."""
    host, port, *_ = listener.getsockname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
