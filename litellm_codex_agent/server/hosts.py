"""Which names this server answers to, and which web pages may ask it.

A page on the web can make a browser send requests to 127.0.0.1, and by a name that it rebinds it can read the
answers. So a Host that is not ours is refused, and an Origin that is neither ours nor listed. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from ipaddress import ip_address

from ..settings import Unusable

__all__ = [
    "ANY",
    "LOOPBACK_HOSTS",
    "allowed_hosts",
    "host_name",
    "is_allowed",
    "is_same_origin",
    "normal_origin",
    "own_name",
    "reachable",
]

ANY = "*"
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")
_EVERY_ADDRESS = ("", "0.0.0.0", "::")  # noqa: S104  # compared with, not listened on
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5})?)?", re.ASCII)
_ORIGIN = re.compile(r"(https?)://([^/?#@]+)", re.ASCII)
_PORTS = {"http": "80", "https": "443"}


def allowed_hosts(listed: Collection[str], bound: str) -> frozenset[str]:
    """The names to answer to: those listed, else loopback's; and the address that was bound, where it is one."""
    own = [] if bound in _EVERY_ADDRESS else [bound]
    return frozenset(map(_name_of, [*(listed or LOOPBACK_HOSTS), *own]))


def own_name(hosts: Collection[str]) -> str:
    """A name that a server with these hosts answers to, as a `Host` has it."""
    name = min((host for host in hosts if host != ANY), default=LOOPBACK_HOSTS[0])
    return f"[{name}]" if ":" in name else name


def reachable(url: str) -> str:
    """An address to ask from this machine where `url` stands for all of them."""
    return url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")


def _name_of(listed: str) -> str:
    # An operator may write an address of IPv6 without its brackets.
    name = host_name(f"[{listed}]" if listed.count(":") > 1 and "[" not in listed else listed)
    if not name and listed != ANY:
        raise Unusable(f"{listed!r} is not the name of a host, as in agents.example, 10.0.0.1 or {ANY} for any.")
    return name or ANY


def host_name(authority: str) -> str:
    """The name in `name:port`, in the form in which names are compared; empty where it is none."""
    found = _AUTHORITY.fullmatch(authority)
    if found is None:
        return ""
    name = found[1].strip("[]").lower()
    try:
        return ip_address(name).compressed
    except ValueError:
        return name.removesuffix(".")


def is_allowed(authorities: Collection[str], hosts: Collection[str]) -> bool:
    """Whether a request that names these hosts is for us: it has to name one, and one of ours."""
    names = [host_name(authority) for authority in authorities]
    return ANY in hosts or (len(names) == 1 and names[0] != "" and names[0] in hosts)


def normal_origin(origin: str) -> str:
    """An origin as browsers write it: in lower case, without its scheme's own port or a last slash."""
    text = origin.strip().lower().rstrip("/")
    scheme = text.partition("://")[0]
    return text.removesuffix(f":{_PORTS[scheme]}") if scheme in _PORTS else text


def is_same_origin(origin: str, authorities: Iterable[str]) -> bool:
    """Whether the page that asks came from here. Its scheme is not compared: TLS may end in front of us."""
    found = _ORIGIN.fullmatch(normal_origin(origin))
    if found is None:
        return False
    own = _address(found[2], _PORTS[found[1]])
    return own[0] != "" and any(own == _address(authority, _PORTS[found[1]]) for authority in authorities)


def _address(authority: str, port: str) -> tuple[str, str]:
    found = _AUTHORITY.fullmatch(authority)
    return host_name(authority), (found[2] if found else None) or port
