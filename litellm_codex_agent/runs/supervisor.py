"""Every run of the server: begun once, followed by whoever asks for it, stopped when nobody is left, and written down.

All decisions are made in one event loop without a pause between the look and the act, so two requests of one
key cannot both begin a run.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from ..backends.events import Done, Event, ToolCall
from .identity import Ask, Verdict, decide, waits_for_another
from .journal import Journal, JournalError
from .ledger import Ledger, new_record
from .outcome import not_written
from .run import Awaited, Run
from .slots import Place, Slots
from .work import CLOSE_SECONDS, Work, perform, sound

__all__ = ["Draining", "Follower", "KeyReused", "Limits", "Supervisor"]


class Draining(Exception):
    """The server is being stopped and begins no run."""


class KeyReused(Exception):
    """The idempotency key belongs to another request."""


@dataclass(frozen=True)
class Limits:
    """How much at once, and how long."""

    max_runs: int = 16
    max_queue: int = 64
    max_seconds: float = 600.0
    retry_seconds: float = 15.0


@dataclass
class Follower:
    """One request that waits for a run's answer; `answering` once its reply has begun."""

    run: Run
    ask: Ask
    answering: bool = False
    _ledger: Ledger | None = field(default=None, repr=False)

    def delivered(self) -> None:
        """The caller has all of the answer, so the next one who asks the same asks anew."""
        if self._ledger is not None:
            self._ledger.delivered(self.run)


class Supervisor:
    """The living runs, by their id and by their key."""

    def __init__(
        self,
        journal: Journal,
        limits: Limits,
        *,
        on_end: Callable[[Run], None] = lambda run: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.journal = journal
        self.limits = limits
        self.slots = Slots(limits.max_runs, limits.max_queue)
        self.draining = False
        self._ledger = Ledger(journal)
        self._on_end = on_end
        self._clock = clock
        self._living: dict[str, Run] = {}
        self._by_key: dict[tuple[str, str], Run] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def follow(self, ask: Ask, work: Work) -> AsyncIterator[Follower]:
        """The run that answers `ask`; a new one does `work`. Leaving the block is going away."""
        run = await self._run_for(ask, work)
        run.followers += 1
        follower = Follower(run, ask, _ledger=self._ledger)
        try:
            await asyncio.shield(run.recorded)
            yield follower
        finally:
            self._leave(follower)

    async def begin(self, ask: Ask, work: Work) -> Run:
        """A run that outlives its request."""
        run = await self._run_for(ask, replace(work, detached=True))
        if not run.record.detached and run.done is None:
            # A chat that has this key began it: from now on it needs nobody.
            run.record = replace(run.record, detached=1)
            self.journal.note(run.id, detached=1)
        await asyncio.shield(run.recorded)
        return run

    async def find(self, run_id: str, tenant: str | None) -> Run | None:
        """A run of the tenant's, living or ended; of anybody's where `tenant` is None."""
        run = self._living.get(run_id) or await self._ledger.restore(run_id)
        return run if run is not None and tenant in (None, run.record.tenant) else None

    async def recover(self) -> int:
        """Called before the first run: what the last server left unfinished was interrupted; how many runs that was."""
        return await self._ledger.interrupt(self._clock())

    def stop(self, run: Run, reason: str) -> None:
        """End a living run; the first reason counts."""
        if not run.stop.done():
            run.stop.set_result(reason)

    async def drain(self, seconds: float) -> None:
        """Begin nothing more, give the living runs `seconds`, then stop them. Returns when all have ended."""
        self.draining = True
        for run in self._living.values():
            if run.record.state == "queued":
                self.stop(run, "shutdown")
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        for run in list(self._living.values()):
            self.stop(run, "shutdown")
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2 * CLOSE_SECONDS)

    async def _past_what_is_stopped(self, ask: Ask) -> None:
        """A run that is being stopped answers nobody who comes now: it is decided once it has ended."""
        while (living := self._living_of(ask)) is not None and living.stop.done():
            await living.ended()

    def _living_of(self, ask: Ask) -> Run | None:
        return self._by_key.get((ask.tenant, ask.key)) if ask.key else None

    async def _run_for(self, ask: Ask, work: Work) -> Run:
        """Waits before it decides and to read what has ended, and for nothing between a look and a new run."""
        await self._past_what_is_stopped(ask)
        living = self._living_of(ask)
        known = living.known() if living else self._ledger.known(ask)
        verdict = decide(ask, known)
        if verdict is Verdict.CONFLICT:
            raise KeyReused(
                "This Idempotency-Key belongs to a request with another body. Send a key of its own with each request."
            )
        if verdict is Verdict.ATTACH and living is not None:
            attempt = ask.attempt or 0
            living.came_back(attempt)
            living.record = replace(living.record, attempt=max(living.record.attempt, attempt))
            return living
        if verdict is Verdict.REPLAY and known is not None:
            restored = await self._ledger.restore(known.run_id)
            # It may be forgotten by now, and another may have come: then all is decided anew.
            return restored if restored is not None else await self._run_for(ask, work)
        return self._new(ask, work)

    def _new(self, ask: Ask, work: Work) -> Run:
        if self.draining:
            raise Draining("The server is being stopped and begins no more runs.")
        place = self.slots.take()
        run = Run(new_record(ask, work, self._clock()), work.secrets)
        self._living[run.id] = run
        if ask.key:
            self._by_key[ask.tenant, ask.key] = run
        live = asyncio.ensure_future(self._live(run, work, place))
        self._tasks.add(live)
        live.add_done_callback(self._tasks.discard)
        return run

    async def _live(self, run: Run, work: Work, place: Place) -> None:
        try:
            await self.journal.add(run.record)
        except JournalError as error:
            self._forget(run)
            self.slots.give_back(place)
            run.recorded.set_exception(error)
            run.tell(not_written(error), self._clock())
            return
        run.recorded.set_result(None)
        done = sound(await self._work(run, work, place))
        ignored = [*work.ignored, *done.metrics.get("ignored", ())]
        done = replace(done, metrics={**done.metrics, "ignored": ignored})
        await self._end(run, run.veil.end(done), self._clock())
        self.slots.give_back(place, run.seconds if run.record.started else None)
        self._on_end(run)

    async def _work(self, run: Run, work: Work, place: Place) -> Done:
        waiting: set[asyncio.Future[Any]] = {place.turn, run.stop}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if run.stop.done():
            return Done(run.stop.result())
        run.record = replace(run.record, state="running", started=self._clock())
        self._ledger.started(run)
        return await perform(run, work, self._tell, min(work.max_seconds, self.limits.max_seconds))

    async def _tell(self, run: Run, event: Event) -> None:
        at = self._clock()
        for each in run.veil.told(event):
            try:
                if isinstance(each, ToolCall) and not run.acted:
                    await self._ledger.act(run, each, at)
            except asyncio.CancelledError:
                self._told(run, each, at)  # who is stopped here has given it to the journal, so it counts
                raise
            self._told(run, each, at)

    def _told(self, run: Run, event: Event, at: float) -> None:
        self._ledger.tell(run, event, at)
        run.tell(event, at)

    async def _end(self, run: Run, done: Done, at: float) -> None:
        for event in run.veil.rest():
            self._told(run, event, at)
        done = await self._ledger.ended(run, done, at)
        self._forget(run)
        run.tell(done, at)

    def _forget(self, run: Run) -> None:
        self._living.pop(run.id, None)
        if self._by_key.get((run.record.tenant, run.record.key)) is run:
            del self._by_key[run.record.tenant, run.record.key]

    def _leave(self, follower: Follower) -> None:
        run = follower.run
        run.followers -= 1
        if run.done is not None:
            return
        if waits_for_another(follower.ask, answering=follower.answering):
            awaited = Awaited((follower.ask.attempt or 0) + 1)
            run.awaited.append(awaited)
            asyncio.get_running_loop().call_later(self.limits.retry_seconds, self._wait_no_longer, run, awaited)
        self._abandon(run)

    def _wait_no_longer(self, run: Run, awaited: Awaited) -> None:
        if awaited in run.awaited:
            run.awaited.remove(awaited)
            self._abandon(run)

    def _abandon(self, run: Run) -> None:
        if run.followers == 0 and not run.awaited and not run.record.detached:
            self.stop(run, "client_disconnected")
