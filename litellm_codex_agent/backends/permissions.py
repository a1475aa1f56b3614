"""Where a request wants its run to work, and what it may do there: read alike for all agents. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .parameters import RefusedParameter

__all__ = ["FULL", "READ_ONLY", "permissions_of", "workspace_of"]

READ_ONLY, FULL = "read-only", "full"
_DEFAULT = "edit"
_OFFERED = (READ_ONLY, _DEFAULT, FULL)


def permissions_of(options: Mapping[str, Any], agent: str, *, network: bool) -> str:
    """What the run may do. `network` says whether the operator allows it. Raises `RefusedParameter`."""
    permissions = options.get("permissions") or _DEFAULT
    if permissions not in _OFFERED:
        sentence = f"`permissions: {permissions}` is not offered by {agent}. Use {', '.join(_OFFERED[:-1])} or {FULL}."
        raise RefusedParameter("permissions", sentence)
    if permissions == FULL and not network:
        raise RefusedParameter(
            "permissions",
            "`permissions: full` asks for the network, which this server does not give. Start it with --network on.",
        )
    return str(permissions)


def workspace_of(options: Mapping[str, Any]) -> str | None:
    """The path of a directory of the operator's; None for a fresh one. Raises `RefusedParameter`."""
    asked = options.get("workspace")
    if not isinstance(asked, str | None):
        raise RefusedParameter("workspace", "`workspace` has to be the path of a directory.")
    if asked and not asked.startswith("/"):
        raise RefusedParameter("workspace", f"`workspace` has to be an absolute path, and {asked!r:.80} is not.")
    return asked or None
