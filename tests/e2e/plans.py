"""Random plans: what an agent will do, and how its clients behave. The same number is the same plan for ever."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from ..backends.scripts import Case, Step, act, crash, fail, linger, pause, say, think

__all__ = ["Plan", "RETRY_SECONDS", "STYLES", "Try", "plan"]

# How long a run waits for the next attempt; a client who is to be in time takes a tenth of it.
RETRY_SECONDS = 2.0
IN_TIME, TOO_LATE = 0.2, RETRY_SECONDS + 0.8
# Requests that are made at once arrive at one run, if it takes so long.
AT_ONCE_SECONDS = 0.6
# How a client tells its attempts: as our provider does, as OpenAI's client does, or not at all.
STYLES = ("ours", "stainless", "silent")
STATUSES = (400, 429, 500, 503, 529)


@dataclass(frozen=True)
class Try:
    """One attempt: how long after the last one, and after how many seconds each of those who make it leaves."""

    gap: float
    leaves: tuple[float | None, ...]


@dataclass(frozen=True)
class Plan:
    """`spare`: retries that are promised and never made. `anew`: the same is asked once more, on purpose.

    `misused`: something else is asked under the key.
    """

    number: int
    case: Case
    key: str
    style: str
    stream: bool
    tries: tuple[Try, ...]
    spare: int
    anew: bool
    misused: bool

    @property
    def steady(self) -> bool:
        """Nobody leaves, and nobody asks beside another, so all that happens can be told beforehand."""
        return all(one.leaves == (None,) for one in self.tries)


def plan(number: int) -> Plan:
    """The plan with this number: most are of any kind, and some of one that chance alone makes too rarely."""
    kinds = {0: _forgotten, 1: _stopped}
    return kinds.get(number % 6, _any)(Random(f"once {number}"), number)


def _forgotten(random: Random, number: int) -> Plan:
    """Who asked leaves and does not come back, though he may; his run ends, and then he asks the same anew."""
    tries = (Try(0.0, (random.uniform(0.1, 0.3),)),)
    case = Case([pause(AT_ONCE_SECONDS), *_script(random, answers=4)], name=f"case-{number}")
    return replace(_any(random, number), case=case, key=f"key-{number}", style="ours", tries=tries, spare=1, anew=True)


def _stopped(random: Random, number: int) -> Plan:
    """Who leaves a stream that has begun takes his run along, and is back before it is closed. It may have ended."""
    tries = (Try(0.0, (random.uniform(0.2, 0.5),)), Try(random.uniform(0, IN_TIME), (None,)))
    working = random.choice(([], [pause(AT_ONCE_SECONDS)]))
    case = Case([think("hm"), linger(0.5), *working, *_script(random, answers=4)], name=f"case-{number}")
    plan = _any(random, number)
    return replace(plan, case=case, key=f"key-{number}", style="stainless", stream=True, tries=tries, spare=0)


def _any(random: Random, number: int) -> Plan:
    tries = tuple(_try(random) for _ in range(random.randint(1, 4)))
    together = len(tries[0].leaves) > 1
    scripts = [_script(random) for _ in range(random.randint(1, 3))]
    if together:
        scripts = [[pause(AT_ONCE_SECONDS), *script] for script in scripts]
    return Plan(
        number,
        Case(*scripts, name=f"case-{number}"),
        key=f"key-{number}" if random.random() < 0.85 else "",
        style=random.choice(STYLES),
        stream=random.random() < 0.5,
        tries=tries,
        spare=random.choice((0, 0, 1)),
        anew=random.random() < 0.5,
        misused=random.random() < 0.2,
    )


def _try(random: Random) -> Try:
    late = random.random() < 0.07
    gap = TOO_LATE if late else random.uniform(0, IN_TIME)
    leaves = random.random() < 0.5
    copies = random.choice((1, 1, 1, 2, 3))
    return Try(gap, tuple(_leaves(random) if leaves else None for _ in range(copies)))


def _leaves(random: Random) -> float | None:
    return random.choice((None, random.uniform(0, 0.02), random.uniform(0, 0.1), random.uniform(0, 0.6)))


def _script(random: Random, answers: int = 2) -> list[Step]:
    """Some steps in any order, and an end: an answer, in so many of `answers` and three, a failure or a bug."""
    steps = [_step(random) for _ in range(random.randint(0, 6))]
    end = random.choices(("answer", "fail", "crash"), (answers, 2, 1))[0]
    if end == "answer":
        return [*steps, say(f"answer {random.randrange(10**6)}")]
    return [*steps, crash() if end == "crash" else fail(random.choice(STATUSES))]


def _step(random: Random) -> Step:
    steps = (think("hm"), say("well "), act(), pause(random.uniform(0, 0.15)), pause(random.uniform(0, 0.3)))
    return linger(0.3) if random.random() < 0.1 else random.choice(steps)
