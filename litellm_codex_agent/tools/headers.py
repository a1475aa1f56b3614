"""Which headers go to a tools' server: the operator's, the request's over them, and never the connection's own.

Law: nothing is passed on that was not asked for by its name; what may not be passed on is refused by its name. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from .source import ToolsUnavailable

__all__ = ["NEVER", "merged"]

# A connection's own (RFC 9110, section 7.6.1), the server's name, what frames a body, and a browser's credentials.
NEVER = frozenset(
    {
        "connection",
        "content-length",
        "cookie",
        "cookie2",
        "expect",
        "host",
        "http2-settings",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
# RFC 9110, section 5.5: visible characters, blanks and tabs; a line's end would begin a header of its own.
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\U0010ffff]*")
_MAX_BYTES = 32 * 1024


def merged(
    defaults: Mapping[str, str], asked: Mapping[str, str], *, field: str = "tool_http_headers"
) -> dict[str, str]:
    """The operator's headers and the request's over them, whatever their case, each as it was written.

    Raises `ToolsUnavailable`: with status 400 where the request's cannot be sent, 500 where the operator's cannot.
    """
    _check(defaults, "MINI_AGENT_TOOL_HTTP_HEADERS", 500)
    _check(asked, field, 400)
    over = {name.lower() for name in asked}
    kept = {name: value for name, value in defaults.items() if name.lower() not in over}
    # Blanks around a value are no part of it (RFC 9110, section 5.5), and h11 refuses to send them.
    return {name: value.strip(" \t") for name, value in {**kept, **asked}.items()}


def _check(headers: Mapping[str, str], where: str, status: int) -> None:
    fault = next(filter(None, (_fault(name, value) for name, value in headers.items())), "")
    names = [name.lower() for name in headers]
    if not fault and len(set(names)) < len(names):
        fault = "has one name twice, in two cases"
    if not fault and sum(len(name) + len(value.encode()) for name, value in headers.items()) > _MAX_BYTES:
        fault = f"has more than {_MAX_BYTES:,} bytes"
    if fault:
        raise ToolsUnavailable(f"`{where}` {fault}.", status=status)


def _fault(name: str, value: str) -> str:
    if not _NAME.fullmatch(name):
        return f"has {name!r:.80}, which is no header's name"
    if name.lower() in NEVER:
        return f"has {name}, which is the connection's own and is never passed on"
    if not _VALUE.fullmatch(value):
        return f"has a control character in the value of {name}"
    return ""
