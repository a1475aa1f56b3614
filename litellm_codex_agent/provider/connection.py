"""What a connection is made of, over httpx and aiohttp alike: certificates, proxy, headers, words for its faults."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from .. import settings
from ..errors import Misconfigured, TimedOut, Unreachable

__all__ = ["check_headers", "proxy_of", "sentence", "tls_context", "too_slow", "unreachable"]

# What a library says of a fault may quote what the endpoint sent.
SAID_CHARS = 300
# RFC 9110, 5.1 and 5.5. httpx and aiohttp refuse different parts of what is outside of it, and quote the value, a key.
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"([^\x00-\x20\x7f]([^\x00-\x08\x0a-\x1f\x7f]*[^\x00-\x20\x7f])?)?")


@lru_cache(maxsize=16)
def tls_context(tls: bool | str) -> ssl.SSLContext:
    """The context for a TLS setting, kept: reading the CAs takes 40 ms, and each new loop needs one."""
    if not isinstance(tls, str):
        return httpx.create_ssl_context(verify=tls)
    try:
        if Path(tls).is_dir():
            return ssl.create_default_context(capath=tls)
        return ssl.create_default_context(cafile=tls)
    except OSError as error:
        raise Misconfigured(
            f"The CAs in {tls!r} cannot be read: {error.strerror or error}.",
            hint="ssl_verify, SSL_VERIFY or SSL_CERT_FILE has to name a PEM file.",
        ) from error


def proxy_of(url: str) -> str | None:
    """The proxy on the way to `url`, as the environment has it now; one that cannot be used is an error."""
    proxy = settings.proxy_for(url)
    kind = urlsplit(proxy or "").scheme
    if proxy and kind not in ("http", "https"):
        raise Misconfigured(
            f"A proxy of the kind {kind}:// cannot be used.",
            hint="Set HTTP_PROXY and HTTPS_PROXY to an http:// proxy, or name the endpoint's host in NO_PROXY.",
        )
    return proxy


def check_headers(headers: Mapping[str, str]) -> None:
    """Refuse what HTTP cannot carry, before a library quotes it in its error."""
    for name, value in headers.items():
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise Misconfigured(
                f"The header {name!r} cannot be sent: it has a line break or a space where HTTP allows none.",
                hint="A key that was read from a file often ends with a line break.",
            )


def unreachable(said: str, proxy: str | None = None) -> Unreachable:
    """No connection was made: `said` is the library's word, the hint is where to look."""
    hint = "Is it running, and is api_base right?"
    if "CERTIFICATE_VERIFY_FAILED" in said:
        hint = "Name the file of its CA in ssl_verify or SSL_CERT_FILE."
    elif proxy:
        host = urlsplit(proxy).netloc.rpartition("@")[2]
        hint = f"The way to it is the proxy {host}, by HTTP_PROXY, HTTPS_PROXY and NO_PROXY."
    return Unreachable(f"The endpoint cannot be reached: {sentence(said)}.", hint=hint)


def too_slow(*, connecting: bool) -> TimedOut:
    """A wait was longer than the call's timeout allows."""
    return TimedOut(f"The endpoint was too slow to {'connect' if connecting else 'answer'}.")


def sentence(said: str) -> str:
    """A library's word on one line, without its full stop, cut where it quotes too much."""
    return " ".join(said.split())[:SAID_CHARS].rstrip(". ")
