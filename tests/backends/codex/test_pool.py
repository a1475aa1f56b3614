"""The pool of processes: whose they are, how many, and how each of them ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from litellm_codex_agent.backends.codex.pool import Pool

from .playing import play, until

NEVER = 1000.0


class Kept:
    """What a pool keeps here in place of a process."""

    def __init__(self, tenant: str) -> None:
        self.tenant = tenant
        self.usable = True
        self.ended = False


class Works:
    """Starts them: `made` holds each, `fails` are those of the next starts that do. `slow` and `last` hold up a start
    and an end."""

    def __init__(self, most: int = 2, idle: float = NEVER) -> None:
        self.made: list[Kept] = []
        self.begun = self.ending = 0
        self.fails: list[Exception] = []
        self.slow = asyncio.Event()
        self.last = asyncio.Event()
        self.slow.set(), self.last.set()
        self.pool: Pool[Kept] = Pool(self._start, lambda kept: kept.usable, most=most, idle_seconds=idle)

    @asynccontextmanager
    async def _start(self, tenant: str) -> AsyncIterator[Kept]:
        self.begun += 1
        await self.slow.wait()
        if self.fails:
            raise self.fails.pop()
        self.made.append(kept := Kept(tenant))
        try:
            yield kept
        finally:
            self.ending += 1
            await self.last.wait()
            kept.ended = True


class Run:
    """One lease, in a task of its own."""

    def __init__(self, works: Works, tenant: str = "a") -> None:
        self.over = asyncio.Event()
        self.kept: asyncio.Future[Kept] = asyncio.get_running_loop().create_future()
        self.task = asyncio.ensure_future(self._hold(works, tenant))

    async def _hold(self, works: Works, tenant: str) -> None:
        async with works.pool.lease(tenant) as kept:
            self.kept.set_result(kept)
            await self.over.wait()

    async def leave(self) -> None:
        self.over.set()
        await self.task


def on(scene: Callable[[Works], Awaitable[Any]], **given: Any) -> Any:
    async def opened() -> Any:
        works = Works(**given)
        try:
            return await scene(works)
        finally:
            await works.pool.close()
            assert works.pool.living() == 0 and all(kept.ended for kept in works.made)

    return play(opened)


def test_a_tenant_has_one_that_its_runs_share_and_find_again() -> None:
    async def scene(works: Works) -> None:
        runs = [Run(works), Run(works), Run(works, "b")]
        one, two, other = [await run.kept for run in runs]
        assert one is two and other is not one
        for run in runs:
            await run.leave()
        async with works.pool.lease("a") as again:
            assert again is one and works.pool.living() == 2

    on(scene)


def test_whoever_finds_no_room_waits_until_a_process_has_no_run() -> None:
    async def scene(works: Works) -> None:
        first, second = Run(works), Run(works)
        await first.kept, await second.kept
        waiting = Run(works, "b")
        await first.leave()
        assert not waiting.kept.done() and works.pool.living() == 1
        await second.leave()
        assert (await waiting.kept).tenant == "b"
        assert works.made[0].ended and works.pool.living() == 1
        await waiting.leave()

    on(scene, most=1)


def test_one_who_waits_may_leave_and_the_next_one_gets_the_room() -> None:
    async def scene(works: Works) -> None:
        run = Run(works)
        await run.kept
        waiting, next_one = Run(works, "b"), Run(works, "c")
        await asyncio.sleep(0)
        waiting.task.cancel()
        await run.leave()
        assert (await next_one.kept).tenant == "c"
        await next_one.leave()
        assert [kept.tenant for kept in works.made] == ["a", "c"]

    on(scene, most=1)


def test_the_one_that_was_left_first_makes_room() -> None:
    async def scene(works: Works) -> None:
        for tenant in ("a", "b", "a", "c"):
            async with works.pool.lease(tenant):
                pass
        assert [(kept.tenant, kept.ended) for kept in works.made] == [("a", False), ("b", True), ("c", False)]

    on(scene)


def test_one_that_nobody_came_to_ends_by_itself_and_one_in_use_does_not() -> None:
    async def scene(works: Works) -> None:
        run = Run(works)
        used = await run.kept
        async with works.pool.lease("b") as idle:
            pass
        await until(lambda: idle.ended)
        assert works.pool.living() == 1 and not used.ended
        await run.leave()
        await until(lambda: used.ended)

    on(scene, idle=0.02)


def test_one_that_is_of_no_use_is_replaced_and_ends_with_its_last_run() -> None:
    async def scene(works: Works) -> None:
        run = Run(works)
        old = await run.kept
        old.usable = False
        async with works.pool.lease("a") as new:
            assert new is not old and works.pool.living() == 2 and not old.ended
        await run.leave()
        assert old.ended and not new.ended and works.pool.living() == 1

    on(scene)


def test_one_that_became_of_no_use_ends_when_its_run_leaves() -> None:
    async def scene(works: Works) -> None:
        async with works.pool.lease("a") as kept:
            kept.usable = False
        assert kept.ended and works.pool.living() == 0

    on(scene)


def test_one_that_became_of_no_use_while_nobody_was_there_is_replaced() -> None:
    async def scene(works: Works) -> None:
        async with works.pool.lease("a") as old:
            pass
        old.usable = False
        async with works.pool.lease("a") as new:
            assert old.ended and not new.ended

    on(scene, most=1)


def test_a_start_that_fails_is_told_to_all_who_wait_and_the_next_one_tries_anew() -> None:
    async def scene(works: Works) -> None:
        works.fails = [OSError("no room")]
        runs = [Run(works), Run(works)]
        for run in runs:
            with pytest.raises(OSError, match="no room"):
                await run.task
        assert works.pool.living() == 0
        async with works.pool.lease("a") as kept:
            assert kept.usable

    on(scene, most=1)


def test_a_start_goes_on_for_the_next_one_when_whoever_wanted_it_is_cancelled() -> None:
    async def scene(works: Works) -> None:
        works.slow.clear()
        run = Run(works)
        await until(lambda: works.begun == 1)
        run.task.cancel()
        await asyncio.wait({run.task})
        next_one = Run(works)
        works.slow.set()
        await next_one.kept
        await next_one.leave()
        assert works.begun == 1

    on(scene)


@pytest.mark.parametrize("again", [True, False])
def test_a_start_that_fails_when_nobody_waits_any_more_is_quiet(again: bool) -> None:
    async def scene(works: Works) -> None:
        works.slow.clear()
        works.fails = [OSError("no room")]
        run = Run(works)
        await until(lambda: works.begun == 1)
        run.task.cancel()
        await asyncio.wait({run.task})
        works.slow.set()
        await until(lambda: not works.fails)
        if again:
            async with works.pool.lease("a"):
                assert works.begun == 2

    on(scene)


def test_one_that_is_starting_for_nobody_makes_room() -> None:
    async def scene(works: Works) -> None:
        works.slow.clear()
        run = Run(works)
        await until(lambda: works.begun == 1)
        run.task.cancel()
        await asyncio.wait({run.task})
        other = Run(works, "b")
        await until(lambda: works.begun == 2)
        works.slow.set()
        await other.kept
        await other.leave()
        assert [kept.tenant for kept in works.made] == ["b"]

    on(scene, most=1)


def test_a_close_ends_those_in_use_and_those_that_start() -> None:
    async def scene(works: Works) -> None:
        used = Run(works)
        kept = await used.kept
        works.slow.clear()
        starting = Run(works, "b")
        await until(lambda: works.begun == 2)
        await works.pool.close()
        assert kept.ended and len(works.made) == 1
        await asyncio.wait({starting.task})
        assert starting.task.cancelled()
        await used.leave()

    on(scene)


def test_a_close_waits_for_one_that_ends_already() -> None:
    async def scene(works: Works) -> None:
        works.last.clear()
        async with works.pool.lease("a") as kept:
            pass
        await until(lambda: works.pool.living() == 0)
        closing = asyncio.ensure_future(works.pool.close())
        await asyncio.wait({closing}, timeout=0.05)
        assert not closing.done() and not kept.ended
        works.last.set()
        await closing
        assert kept.ended

    on(scene, idle=0.01)


def test_a_cancel_while_one_ends_loses_none_of_the_others() -> None:
    async def scene(works: Works) -> None:
        run = Run(works)
        (await run.kept).usable = False
        async with works.pool.lease("a"), works.pool.lease("b") as idle:
            pass
        idle.usable = False
        works.last.clear()
        # It finds both: the one that was left just now, and its own tenant's.
        run.over.set()
        coming = Run(works, "b")
        await until(lambda: works.ending > 0)
        coming.task.cancel()
        works.last.set()
        await asyncio.wait({run.task, coming.task})
        await until(lambda: idle.ended)

    on(scene, most=3)
