"""Files without a name, which a child opens by a path as long as this process lives: no litter, and no race."""

from __future__ import annotations

import functools
import os

__all__ = ["in_memory", "lifeline"]


def in_memory(content: bytes) -> str:
    """A path under /proc that any process of the same user can read `content` from. Held until this process ends."""
    return f"/proc/{os.getpid()}/fd/{_held(content, os.getpid())}"


def lifeline() -> str:
    """A path that whoever has opened it can read to its end when this process is dead, and not before."""
    return f"/proc/{os.getpid()}/fd/{_lifeline(os.getpid())}"


@functools.cache
def _lifeline(_: int) -> int:
    # The other end is never written to, and never closed by us.
    return os.pipe()[0]


@functools.cache
def _held(content: bytes, _: int) -> int:
    # By content and process, so there are as many as there are filters: a handful.
    descriptor = os.memfd_create("codex-agent")
    os.write(descriptor, content)
    return descriptor
