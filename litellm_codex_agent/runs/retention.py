"""What is kept of ended runs, and for how long: the newest, up to an age and a size. Living runs are never touched."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from .journal import Journal, JournalError

__all__ = ["keep_pruned", "prune"]

DAY_SECONDS = 86_400.0
# A look is cheap, and the journal overshoots its size by a minute's runs at most.
EVERY_SECONDS = 60.0
# Runs looked at in one go: a journal of a million does not hold the loop.
BATCH = 200

_log = logging.getLogger("litellm_codex_agent.runs")


async def prune(journal: Journal, *, keep_days: float, keep_bytes: int, now: float) -> int:
    """Forget the oldest ended runs while they are too old or the journal is too large; how many there were."""
    forgotten = 0
    while oldest := journal.read.oldest_ended(BATCH):
        old = [run_id for run_id, ended in oldest if ended < now - keep_days * DAY_SECONDS]
        if not old and journal.read.size() > keep_bytes:
            # A tenth of what was looked at: between two looks at the size, little more than needed goes.
            old = [run_id for run_id, _ in oldest[: BATCH // 10]]
        if not old:
            break
        await journal.forget(old)
        forgotten += len(old)
    return forgotten


async def keep_pruned(
    journal: Journal, *, keep_days: float, keep_bytes: int, clock: Callable[[], float] = time.time
) -> None:
    """Prune now and again, until cancelled."""
    while True:
        try:
            if count := await prune(journal, keep_days=keep_days, keep_bytes=keep_bytes, now=clock()):
                _log.info("%d ended runs were forgotten: older than %s days, or beyond the size", count, keep_days)
        except JournalError as error:
            _log.error("%s", error)
        await asyncio.sleep(EVERY_SECONDS)
