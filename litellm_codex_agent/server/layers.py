"""What every request passes on its way to a route, outermost first. The order is the law; each says why in its file."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.middleware import Middleware

from .access_log import AccessLog
from .errors import Fallback
from .guard import Guard, Rules
from .lingering import Lingering

__all__ = ["layers"]


def layers(rules: Rules, secrets: Sequence[str] = ()) -> list[Middleware]:
    """For `Starlette(middleware=...)`; `secrets` are struck out of what is logged, beside the caller's own."""
    return [
        Middleware(Fallback, secrets=(rules.key, rules.operator_key, *secrets)),
        Middleware(Lingering),
        Middleware(AccessLog),
        Middleware(Guard, rules=rules),
    ]
