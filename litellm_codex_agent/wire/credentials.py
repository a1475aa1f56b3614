"""The secrets that a request brings along for others: HTTP tools and MCP servers.

Law: what is found here is struck out of all that the run tells, so a value that only says how to talk or
where to look is left out; every other one counts as a secret, since its name need not say so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from ..errors import SECRET_MIN_CHARS

__all__ = ["secrets_of"]

# Struck out, these would shred ordinary words of an answer.
_PUBLIC = frozenset(
    {
        "accept",
        "accept-encoding",
        "accept-language",
        "content-type",
        "home",
        "lang",
        "path",
        "pwd",
        "shell",
        "term",
        "tmpdir",
        "tz",
        "user-agent",
    }
)


def secrets_of(asked: Mapping[str, Any]) -> tuple[str, ...]:
    """The values to strike out, of `Bearer <key>` the key as well. `asked` need not have been checked."""
    values = [*_values(asked.get("tool_http_headers")), *_passwords(asked.get("tool_http_base_url"))]
    servers = asked.get("mcp_servers")
    for server in servers.values() if isinstance(servers, Mapping) else ():
        if isinstance(server, Mapping):
            values += [*_values(server.get("headers")), *_values(server.get("env")), *_passwords(server.get("url"))]
            values += _values({"authorization": server.get("authorization")})
    keys = [words[1] for value in values if len(words := value.split(" ")) == 2]
    found = {*values, *keys}
    return tuple(sorted(value for value in found if len(value) >= SECRET_MIN_CHARS))


def _values(fields: object) -> Iterator[str]:
    for name, value in fields.items() if isinstance(fields, Mapping) else ():
        if isinstance(value, str) and str(name).lower() not in _PUBLIC:
            yield value


def _passwords(url: object) -> Iterator[str]:
    try:
        password = urlsplit(url).password if isinstance(url, str) else None
    except ValueError:  # it is no address, which is for whoever connects to say
        return
    if password:
        yield password
