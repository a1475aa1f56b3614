"""Where tools may be asked: which address a request may name, and which address of a network may be behind it.

Law: an origin is asked where the operator listed it, or consented to any; and what is private stays unasked
unless its origin stands in the list itself. The tables are our own: what `ipaddress` calls private changes with
the version of Python. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

from .source import ToolsUnavailable

__all__ = ["ANY", "Address", "NotAnOrigin", "Origin", "allowed", "fault", "read", "read_origin"]

ANY = "*"
_VARIABLE = "CODEX_AGENT_TOOL_ORIGINS"
_PORTS = {"http": 80, "https": 443}
_MAX_URL_CHARS = 2048
_UNREADABLE = "is no URL: its host or its port cannot be read"
# What a URL of RFC 3986 is made of; a blank, a backslash or a control character is read differently by two readers.
_URL = re.compile(r"[\w\-.~:/?#\[\]@!$&'()*+,;=%]+", re.ASCII)
_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?", re.ASCII)

# The special-purpose registries of IANA (RFC 6890 and those after it), as far as nobody is publicly there.
_SPECIAL_4 = {
    "0.0.0.0/8": "this network's own",
    "10.0.0.0/8": "private",
    "100.64.0.0/10": "a carrier's own",
    "127.0.0.0/8": "loopback",
    # Also where the clouds hand out the credentials of a machine.
    "169.254.0.0/16": "link-local",
    "172.16.0.0/12": "private",
    "192.0.0.0/24": "reserved",
    "192.0.2.0/24": "for documentation",
    "192.88.99.0/24": "reserved",
    "192.168.0.0/16": "private",
    "198.18.0.0/15": "for benchmarks",
    "198.51.100.0/24": "for documentation",
    "203.0.113.0/24": "for documentation",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved",
    # Azure's own for the machines in it, although it looks public.
    "168.63.129.16/32": "a cloud's own",
}
_NONE = "no network address"
# All that is public in IPv6 is in 2000::/3, save for these.
_PUBLIC_6 = ip_network("2000::/3")
_SPECIAL_6 = {
    "::1/128": "loopback",
    "::ffff:0:0/96": "an IPv4 address in disguise",
    "64:ff9b::/96": "an IPv4 address in disguise",
    "fc00::/7": "private",
    "fe80::/10": "link-local",
    "ff00::/8": "multicast",
    "2001::/23": "reserved",
    "2001:db8::/32": "for documentation",
    "2002::/16": "an IPv4 address in disguise",
    "3fff::/20": "for documentation",
}
_NETWORKS = {
    4: [(ip_network(network), what) for network, what in _SPECIAL_4.items()],
    6: [(ip_network(network), what) for network, what in _SPECIAL_6.items()],
}


class NotAnOrigin(ValueError):
    """A text that is no origin, as in `https://tools.example`; the message says what it has to look like."""


@dataclass(frozen=True)
class Origin:
    """What a server is known by. `host` is in lower case, an address of IPv6 without its brackets."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == _PORTS[self.scheme] else f":{self.port}")


@dataclass(frozen=True)
class Address:
    """A server's address as a request named it and the operator allows it: of a base, `url` has no slash at its end.

    `listed` says that the origin stands in the operator's list itself, so it may be on a private network.
    """

    url: str
    origin: Origin
    listed: bool


def read_origin(text: str) -> Origin:
    """Of an entry of the operator's list. Raises `NotAnOrigin`."""
    found = _split(text.strip().rstrip("/"))
    if isinstance(found, str) or found[0].path or found[0].query:
        raise NotAnOrigin(f"{text!r:.80} is not an origin, as in https://tools.example or http://10.0.0.1:9000.")
    return found[1]


def read(url: str, origins: Iterable[str], *, base: bool = True) -> Address:
    """The address that a request names: a base that paths are put behind, or the whole.

    Raises `ToolsUnavailable` with status 400 where it may not be asked.
    """
    found = _split(url.strip())
    if isinstance(found, str):
        raise _refused(f"The tools' address {found}.")
    parts, origin = found
    if parts.query and base:
        raise _refused("The tools' address has a query, and paths are put behind it.")
    listed, any_of_them = _listed(origins)
    if origin not in listed and not any_of_them:
        raise _refused(f"The operator does not allow tools at {origin}: it is not in {_VARIABLE} (--tool-origins).")
    path = parts.path.rstrip("/") if base else parts._replace(scheme="", netloc="").geturl()
    return Address(f"{origin}{path}", origin, listed=origin in listed)


def allowed(address: Address, found: Sequence[str]) -> tuple[str, ...]:
    """Those of the host's network addresses that may be asked. Raises `ToolsUnavailable` where there is none."""
    if not found:
        raise ToolsUnavailable(f"The host {address.origin.host} of the tools' address has no network address.")
    if address.listed:
        return tuple(found)
    kept = tuple(one for one in found if not fault(one))
    if kept:
        return kept
    raise _refused(
        f"The tools' address {address.origin} is at {found[0]}, which is {fault(found[0])}. "
        f"Such a place is asked only where its origin stands in {_VARIABLE}."
    )


def fault(network_address: str) -> str:
    """What keeps a network address from being public, in a few words; empty where it is."""
    try:
        found: IPv4Address | IPv6Address = ip_address(network_address.partition("%")[0])
    except ValueError:
        return _NONE
    for network, what in _NETWORKS[found.version]:
        if found in network:
            return what
    return "" if found.version == 4 or found in _PUBLIC_6 else "reserved"


def _listed(origins: Iterable[str]) -> tuple[frozenset[Origin], bool]:
    entries = {entry.strip() for entry in origins if entry.strip()}
    try:
        return frozenset(read_origin(entry) for entry in entries if entry != ANY), ANY in entries
    except NotAnOrigin as error:
        raise ToolsUnavailable(f"{_VARIABLE} cannot be used: {error}", status=500) from error


def _refused(sentence: str) -> ToolsUnavailable:
    return ToolsUnavailable(sentence, status=400)


def _split(url: str) -> tuple[SplitResult, Origin] | str:
    """The parts of a URL and its origin, or what is wrong with it."""
    if len(url) > _MAX_URL_CHARS or not _URL.fullmatch(url):
        return "is no URL: it is empty, too long, or has characters that no URL has"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return _UNREADABLE
    host = (parts.hostname or "").lower().removesuffix(".")
    faults = (
        (parts.scheme not in _PORTS, "does not begin with http:// or https://"),
        ("@" in parts.netloc, "has a user's name or a password in it; send a header for that"),
        ("#" in url, "has a fragment, which no server sees"),
        (port == 0 or not _is_host(host), _UNREADABLE),
    )
    if wrong := next((what for is_so, what in faults if is_so), ""):
        return wrong
    return parts, Origin(parts.scheme, _plain(host), port or _PORTS[parts.scheme])


def _is_host(host: str) -> bool:
    if ":" not in host:
        return bool(_NAME.fullmatch(host))
    return fault(host) != _NONE and "%" not in host


def _plain(host: str) -> str:
    try:
        return ip_address(host).compressed
    except ValueError:
        return host
