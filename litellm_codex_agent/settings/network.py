"""The way to another machine: who can reach an address, which certificates count, and which proxy is between."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]  # not in typeshed

from .switch import OFF, is_on

__all__ = ["is_loopback", "proxy_for", "tls_verification"]

# What decides on the proxy, as Python, curl and httpx write it; by REQUEST_METHOD Python knows a CGI script.
_PROXY_NAMES = (
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    "REQUEST_METHOD",
)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def tls_verification(chosen: object = None, environ: Mapping[str, str] = os.environ) -> bool | str:
    """Whether to check certificates, and against which file: `chosen`, else SSL_VERIFY, else SSL_CERT_FILE."""
    text = (environ.get("SSL_VERIFY", "") if chosen is None else str(chosen)).strip()
    if text.lower() in OFF:
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
