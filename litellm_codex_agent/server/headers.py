"""Headers as they came: bytes, as often as they came. A header that has to be single and is not counts as none."""

from __future__ import annotations

from starlette.types import Scope

__all__ = ["bearer", "single", "values"]


def values(scope: Scope, name: str) -> list[str]:
    """Each value of the header, in the order in which they came."""
    wanted = name.encode("latin-1")
    return [value.decode("latin-1").strip() for key, value in scope["headers"] if key.lower() == wanted]


def single(scope: Scope, name: str) -> str:
    """The header's value; empty where it is missing, or came more than once."""
    found = values(scope, name)
    return found[0] if len(found) == 1 else ""


def bearer(scope: Scope) -> str:
    """The key in `Authorization: Bearer <key>`; empty where there is none. It is never read from the address."""
    scheme, _, key = single(scope, "authorization").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""
