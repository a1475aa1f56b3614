"""The only reader of the environment: one row per variable, frozen values out.

Read at each call, never kept: the gate does what its variable says now.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]  # not in typeshed

__all__ = [
    "API_BASE",
    "API_KEY",
    "DEFAULT_PORT",
    "GATE",
    "HOST",
    "JOIN_TEXT",
    "LOOPBACK",
    "PORT",
    "ProviderSettings",
    "SERVER_KEY",
    "ServerSettings",
    "Unusable",
    "VARIABLES",
    "Variable",
    "is_loopback",
    "is_on",
    "open_gate",
    "provider",
    "proxy_for",
    "server",
    "tls_verification",
]

GATE = "LITELLM_ENABLE_CODEX_AGENT"
API_BASE = "CODEX_AGENT_API_BASE"
API_KEY = "CODEX_AGENT_API_KEY"
JOIN_TEXT = "CODEX_AGENT_JOIN_TEXT"
HOST = "MINI_AGENT_API_HOST"
PORT = "MINI_AGENT_API_PORT"
SERVER_KEY = "CODEX_AGENT_SERVER_KEY"

_ON = frozenset({"1", "true", "yes", "on"})
_OFF = frozenset({"0", "false", "no", "off"})
LOOPBACK = "127.0.0.1"
DEFAULT_PORT = 8788
_LAST_PORT = 65_535
# What decides on the proxy, as Python, curl and httpx write it; by REQUEST_METHOD Python knows a CGI script.
_PROXY_NAMES = (
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    "REQUEST_METHOD",
)
_PORT_DIGITS = 5


@dataclass(frozen=True)
class Variable:
    """A row of the table of settings in the reference."""

    name: str
    default: str
    meaning: str


VARIABLES = (
    Variable(GATE, "off", "opens the provider: `1`, `true`, `yes` or `on`"),
    Variable(API_BASE, "none", "the endpoint, where neither the call nor the deployment has an `api_base`"),
    Variable(API_KEY, "none", "the endpoint's key, where neither the call nor the deployment has an `api_key`"),
    Variable(JOIN_TEXT, "off", "joins the text of an async stream that arrived together: `on` or `off`"),
    Variable("SSL_VERIFY", "true", "`false` accepts any certificate; a path is a file of own CAs"),
    Variable("SSL_CERT_FILE", "none", "a file of own CAs, used where certificates are checked"),
    Variable("HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY", "none", "the way to the endpoint, read as usual"),
    Variable(HOST, LOOPBACK, "where `codex-agent serve` listens"),
    Variable(PORT, str(DEFAULT_PORT), "the port of `codex-agent serve`"),
    Variable(SERVER_KEY, "none", "the key that `codex-agent serve` asks for; needed off loopback"),
)


@dataclass(frozen=True)
class ProviderSettings:
    """What the provider takes from the environment."""

    enabled: bool
    api_base: str
    api_key: str
    join_text: bool


@dataclass(frozen=True)
class ServerSettings:
    """What the server takes from the environment."""

    host: str
    port: int
    key: str


class Unusable(ValueError):
    """A setting that cannot be used; the message names it and says what to write."""


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_on(value: str) -> bool:
    """Whether a flag's text means yes."""
    return value.strip().lower() in _ON


def provider(environ: Mapping[str, str] = os.environ) -> ProviderSettings:
    """The provider's settings as they stand now; a flag that is neither on nor off is `Unusable`."""
    return ProviderSettings(
        enabled=is_on(environ.get(GATE, "")),
        api_base=environ.get(API_BASE, "").strip(),
        api_key=environ.get(API_KEY, "").strip(),
        join_text=_flag(JOIN_TEXT, environ, default=False),
    )


def _flag(name: str, environ: Mapping[str, str], *, default: bool) -> bool:
    text = environ.get(name, "").strip()
    if text and not is_on(text) and text.lower() not in _OFF:
        raise Unusable(f"{name} is {text!r}, and has to be on or off, as in {name}=on.")
    return is_on(text) if text else default


def open_gate(environ: MutableMapping[str, str] = os.environ) -> None:
    """What a program of ours sets before it imports LiteLLM: the gate, and no look-up of prices in the network."""
    environ[GATE] = "1"
    environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")


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


def tls_verification(chosen: object = None, environ: Mapping[str, str] = os.environ) -> bool | str:
    """Whether to check certificates, and against which file: `chosen`, else SSL_VERIFY, else SSL_CERT_FILE."""
    text = (environ.get("SSL_VERIFY", "") if chosen is None else str(chosen)).strip()
    if text.lower() in _OFF:
        return False
    if text and not is_on(text):
        return text
    return environ.get("SSL_CERT_FILE", "").strip() or True


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for `url`, or None."""
    return _proxy_for(url, tuple(map(os.environ.get, _PROXY_NAMES)))


@lru_cache(maxsize=256)
def _proxy_for(url: str, _now: tuple[str | None, ...]) -> str | None:
    # Python looks through the whole environment; what it finds holds for as long as these variables stand.
    parts = urlsplit(url)
    proxies = getproxies_environment()
    if proxy_bypass_environment(parts.netloc, proxies):
        return None
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    # `HTTP_PROXY=proxy:3128` is common; curl and httpx read it as http, and aiohttp needs it said.
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy
