"""A connection that goes to the address that was checked.

Law: a host is resolved once, and the connection goes to what was found then, so a name that is pointed elsewhere
after the check changes nothing. TLS and the Host header keep the name. Nothing of the environment leads elsewhere.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import httpx

from .addresses import Address, allowed, read
from .source import ToolsUnavailable
from .waiting import within

__all__ = ["Pin", "Pinned", "context", "pin"]

# A connection that is used again may be closed by the server just then, and nobody could say whether it had the call.
_NEW_EACH_TIME = httpx.Limits(max_keepalive_connections=0)


@dataclass(frozen=True)
class Pin:
    """A server's address, and where in the network it is."""

    address: Address
    found: tuple[str, ...]

    def aims(self, host: str, port: int | None, scheme: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Where a request for this URL may go, one after the other, with what its connection has to know.

        Raises `ToolsUnavailable` for a URL of another origin.
        """
        origin = self.address.origin
        if (host, scheme) != (origin.host, origin.scheme) or (port or origin.port) != origin.port:
            raise ToolsUnavailable(f"A request for {scheme}://{host} was not sent: the tools are at {origin}.")
        for found in self.found:
            yield found, {"sni_hostname": origin.host}


class Pinned(httpx.AsyncBaseTransport):
    """Sends each request to the first address of a pin that takes the connection."""

    def __init__(self, pinned: Pin) -> None:
        self._pin = pinned
        self._inner = httpx.AsyncHTTPTransport(
            verify=context(pinned.address.origin.scheme), trust_env=False, limits=_NEW_EACH_TIME
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        refused: httpx.TransportError = httpx.ConnectError("no address")
        url = request.url
        for host, known in self._pin.aims(url.host, url.port, url.scheme):
            aimed = httpx.Request(
                request.method,
                url.copy_with(host=host),
                headers=request.headers,
                stream=request.stream,
                extensions={**request.extensions, **known},
            )
            try:
                return await self._inner.handle_async_request(aimed)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:  # nothing was sent: the next may take it
                refused = error
        raise refused

    async def aclose(self) -> None:
        await self._inner.aclose()


async def pin(url: str, origins: Iterable[str], seconds: float, *, base: bool = True) -> Pin:
    """The address that a request names, checked and resolved. Raises `ToolsUnavailable`."""
    address = read(url, origins, base=base)
    origin = address.origin
    loop = asyncio.get_running_loop()
    try:
        found = await within(seconds, loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM))
    except asyncio.TimeoutError as error:
        raise ToolsUnavailable(f"The host {origin.host} was not found within {seconds:.0f} s.") from error
    except (OSError, UnicodeError) as error:
        raise ToolsUnavailable(f"The host {origin.host} was not found.") from error
    return Pin(address, allowed(address, list(dict.fromkeys(str(entry[4][0]) for entry in found))))


@lru_cache(maxsize=2)
def context(scheme: str) -> ssl.SSLContext:
    """The authorities that httpx brings along and those of the system, which knows a private one where there is any."""
    if scheme != "https":
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # never used, and the authorities take a while to read
    made = httpx.create_ssl_context(trust_env=False)
    made.load_default_certs()
    return made
