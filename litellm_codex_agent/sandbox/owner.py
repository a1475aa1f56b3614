"""Whom a command runs as. Limits on processes do not bind root, so beneath root it is never root."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from .command import SandboxUnavailable

__all__ = ["ORDINARY", "Owner", "ordinary", "owner_of"]

# Between the ranges that systemd gives to its services (uid 60706 to 61183 are nobody's), and below 65536, for a
# container maps no more.
ORDINARY = 60_880


@dataclass(frozen=True)
class Owner:
    """A user and a group, by number."""

    uid: int
    gid: int


def ordinary() -> int | None:
    """The uid that commands run as beneath root; None where the server is an ordinary user itself."""
    return ORDINARY if hasattr(os, "geteuid") and os.geteuid() == 0 else None


def owner_of(workspace: Path, uid: int | None) -> Owner | None:
    """Whom to become in `workspace`: its owner. None where the server is not root and can become nobody."""
    if uid is None:
        return None
    state = workspace.stat()
    if state.st_uid == 0:
        hint = f"Run: chown -R {uid}:{uid} {workspace}"
        raise SandboxUnavailable(f"{workspace} belongs to root, and commands run as an ordinary user. {hint}")
    # Root's group opens files that are nobody else's.
    return Owner(state.st_uid, state.st_gid or state.st_uid)
