"""Who is let in, decided before a body is read: the Host, the Origin, the key, and then whose request it is.

The order is the law: a page on the web never gets so far as to try keys. What the routes need to know of the
caller is in the scope, by `caller_of`.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Collection
from dataclasses import dataclass, field

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .errors import HttpError, to_response
from .headers import bearer, single, values
from .hosts import ANY, LOOPBACK_HOSTS, is_allowed, is_same_origin, normal_origin

__all__ = ["Caller", "Guard", "Rules", "TENANT", "caller_of", "who"]

TENANT = "x-codex-agent-tenant"
# Load balancers ask these by an address of their own and hold no key. They tell nothing and touch nothing.
HEALTH = ("/health", "/healthz")
# Says only ok or not to those without the key.
WITHOUT_KEY = ("/ready",)
# What the provider sends at most in a header.
MAX_TENANT_CHARS = 512
TENANT_DIGITS = 24
# A browser asks again after that long; a list of origins that has become shorter is soon obeyed.
PREFLIGHT_SECONDS = 600
EXPOSED = "retry-after, x-codex-agent-run-id"

_CALLER = "codex_agent.caller"
_WHOLE_ADDRESS = re.compile(r"https?://([^/]*)(.*)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Rules:
    """Who is let in. Without a key everybody is who gets past the Host and the Origin."""

    key: str = field(default="", repr=False)
    hosts: Collection[str] = LOOPBACK_HOSTS
    origins: Collection[str] = ()
    operator_key: str = field(default="", repr=False)


@dataclass(frozen=True)
class Caller:
    """Whose request it is.

    `tenant` owns what the request makes. `operator` is the one who runs this server, and sees all tenants.
    `trusted` may be told what is not for everybody: it holds a key of this server, or the server asks for none.
    """

    tenant: str = ""
    operator: bool = False
    trusted: bool = False


def caller_of(scope: Scope) -> Caller:
    """Whose request this is; nobody's where no guard has seen it."""
    caller = scope.get(_CALLER)
    return caller if isinstance(caller, Caller) else Caller()


class Guard:
    """Refuses by `rules`, and tells the layers around and inside it who the caller is."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self.app = app
        self.rules = rules
        self.origins = frozenset(map(normal_origin, rules.origins))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        authorities = _authorities(scope)
        if scope["path"] in HEALTH:
            await self.app(scope, receive, send)
            return
        try:
            if not is_allowed(authorities, self.rules.hosts):
                raise HttpError(*_FOREIGN_HOST)
            if origin := self._foreign_origin(scope, authorities):
                send = _for_page(origin, send)
                if scope["method"] == "OPTIONS" and values(scope, "access-control-request-method"):
                    await _preflight(scope)(scope, receive, send)
                    return
            # In place, against ASGI's custom: the access log around us needs it too.
            scope[_CALLER] = self._caller(scope)
        except HttpError as error:
            await to_response(error)(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _foreign_origin(self, scope: Scope, authorities: list[str]) -> str:
        """The page's origin where it is another than ours and listed; empty where no other page asks."""
        origins = values(scope, "origin")
        if all(is_same_origin(origin, authorities) for origin in origins):
            return ""
        if len(origins) == 1 and (ANY in self.origins or normal_origin(origins[0]) in self.origins):
            return origins[0]
        raise HttpError(*_FOREIGN_ORIGIN)

    def _caller(self, scope: Scope) -> Caller:
        caller = who(self.rules, bearer(scope), values(scope, TENANT))
        if not caller.trusted and scope["path"] not in WITHOUT_KEY:
            raise HttpError(*_WRONG_KEY, headers={"www-authenticate": "Bearer"})
        return caller


def who(rules: Rules, key: str, claimed: list[str]) -> Caller:
    """The caller that sent `key`. The tenant that it claims is believed only with a key of this server."""
    # Both are compared, so that the time tells neither.
    holds, operator = _same(key, rules.key), _same(key, rules.operator_key)
    if (holds or operator) and claimed:
        if len(claimed) > 1 or not 0 < len(claimed[0]) <= MAX_TENANT_CHARS or not claimed[0].isascii():
            raise HttpError(*_WRONG_TENANT)
        return Caller(claimed[0], operator, trusted=True)
    tenant = hashlib.sha256(_bytes(key)).hexdigest()[:TENANT_DIGITS] if key else ""
    return Caller(tenant, operator, trusted=holds or operator or not rules.key)


def _same(given: str, key: str) -> bool:
    return hmac.compare_digest(given.encode("latin-1"), _bytes(key)) and bool(key)


def _bytes(key: str) -> bytes:
    """A key as it came with the environment, which may hold any bytes."""
    return key.encode("utf-8", "surrogateescape")


def _authorities(scope: Scope) -> list[str]:
    """The hosts that the request names: its Host, or its target where that is a whole address (RFC 9112, 3.2.2)."""
    found = _WHOLE_ADDRESS.fullmatch(scope["path"])
    if found is None:
        return values(scope, "host")
    scope["path"] = found[2] or "/"
    scope["raw_path"] = scope["path"].encode()
    return [found[1]]


def _for_page(origin: str, send: Send) -> Send:
    """`send`, with the headers by which a browser lets the page read the answer."""

    async def sends(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["access-control-allow-origin"] = origin
            headers["access-control-expose-headers"] = EXPOSED
            headers.add_vary_header("origin")
        await send(message)

    return sends


def _preflight(scope: Scope) -> Response:
    """Any method and any header: the routes refuse what they do not take."""
    headers = {"access-control-allow-methods": "DELETE, GET, POST", "access-control-max-age": str(PREFLIGHT_SECONDS)}
    if asked := single(scope, "access-control-request-headers"):
        headers["access-control-allow-headers"] = asked
    return Response(status_code=204, headers=headers)


_FOREIGN_HOST = (
    421,
    "This server does not answer to the host of this request. CODEX_AGENT_ALLOWED_HOSTS lists those it answers to.",
    "foreign_host",
)
_FOREIGN_ORIGIN = (
    403,
    "This web page may not ask this server. CODEX_AGENT_ALLOWED_ORIGINS lists the origins that may.",
    "foreign_origin",
)
_WRONG_KEY = (401, "The key is missing or wrong. Send it as `Authorization: Bearer <key>`.", "invalid_api_key")
_WRONG_TENANT = (
    400,
    f"{TENANT} has to be one value of 1 to {MAX_TENANT_CHARS} ASCII characters.",
    "invalid_tenant",
    TENANT,
)
