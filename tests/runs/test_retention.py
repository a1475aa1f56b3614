"""What is kept of ended runs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from litellm_codex_agent.runs.journal import Journal
from litellm_codex_agent.runs.retention import DAY_SECONDS, keep_pruned, prune

from .stage import until
from .test_journal import row, within

NOW = 100 * DAY_SECONDS
ALL = 1 << 30


def test_what_is_too_old_goes_and_what_lives_stays(tmp_path: Path) -> None:
    async def scene(journal: Journal) -> None:
        await journal.add(row("old", state="ended", ended=NOW - 8 * DAY_SECONDS))
        await journal.add(row("new", state="ended", ended=NOW - 6 * DAY_SECONDS))
        await journal.add(row("living", created=0.0))
        assert await prune(journal, keep_days=7, keep_bytes=ALL, now=NOW) == 1
        assert {record.id for record in journal.read.newest(9)} == {"new", "living"}

    within(tmp_path / "j", scene)


def test_the_oldest_go_until_the_rest_fits(tmp_path: Path) -> None:
    async def scene(journal: Journal) -> None:
        for number in range(60):
            await journal.add(row(f"r{number:02}", created=number, state="ended", ended=NOW, asked="x" * 100_000))
        await prune(journal, keep_days=7, keep_bytes=3_000_000, now=NOW)
        kept = [record.id for record in journal.read.newest(99)]
        assert journal.read.size() <= 3_000_000
        assert kept == [f"r{number:02}" for number in range(59, 59 - len(kept), -1)] and len(kept) >= 5

    within(tmp_path / "j", scene)


def test_pruning_goes_on_by_itself_and_a_fault_does_not_end_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(journal: Journal) -> None:
        await journal.add(row("old", state="ended", ended=0.0))
        pruning = asyncio.ensure_future(keep_pruned(journal, keep_days=7, keep_bytes=ALL, clock=lambda: NOW))
        await until(lambda: journal.read.record("old") is None)
        pruning.cancel()
        await asyncio.wait({pruning})
        assert pruning.cancelled()

    within(tmp_path / "j", scene)
