"""The backends that there are, by their names. To add one is one row here."""

from __future__ import annotations

from pathlib import Path

from .backend import Backend, NotReady
from .echo import Echo
from .replay import Replay

__all__ = ["SHIPPED", "backends"]

# The recordings that come with the package; each says in its title who speaks.
SHIPPED = Path(__file__).parent / "recordings"


def backends(recordings: Path | None = None, pace: float = 1.0) -> dict[str, Backend]:
    """All backends; `recordings` is the operator's own folder of them, and `pace` how they are played."""
    if recordings is not None and not recordings.is_dir():
        raise NotReady(f"There is no folder of recordings at {recordings}. Make it, or leave the setting out.")
    folders = [SHIPPED] if recordings is None else [SHIPPED, recordings]
    rows: list[Backend] = [Echo(), Replay(folders, pace)]
    return {backend.name: backend for backend in rows}
