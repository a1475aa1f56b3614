"""What DESIGN.md says of a plan that was played, told from the evidence alone and without the server's own words.

Law: nothing of the product is imported here. `faults` names each promise that was broken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..backends.scripts import Step
from .plans import IN_TIME, Plan

__all__ = ["Heard", "Outcome", "Ran", "faults", "is_final", "outcome"]

RUN_FAILED = 422
BUG = 500
# Between the end of a run and the first moment at which its answer may count as delivered to one who left then.
MARGIN = 0.3


@dataclass(frozen=True)
class Heard:
    """One request: which question, which attempt, when; and what came, or when its client left."""

    question: int
    attempt: int
    sent: float
    left: float | None = None
    status: int = 0
    run_id: str = ""
    text: str = ""


@dataclass(frozen=True)
class Ran:
    """One run: its number in the case, its side effects, how and when it ended, and when it first acted."""

    run_id: str
    number: int
    began: float
    effects: int
    acted_at: float
    how: str
    ended: float


@dataclass(frozen=True)
class Outcome:
    """What a script comes to, when nobody stops it."""

    status: int
    text: str
    acts: int


def outcome(script: Sequence[Step]) -> Outcome:
    """By DESIGN.md: before its first act a failure keeps its status, and after it is one that nobody tries again."""
    text, acts = "", 0
    for step in script:
        if step["do"] == "act":
            acts += 1
        elif step["do"] == "say":
            text += step["text"]
        elif step["do"] in ("fail", "crash"):
            return Outcome(RUN_FAILED if acts else step.get("status", BUG), "", acts)
    return Outcome(200, text, acts)


def is_final(status: int) -> bool:
    """Whether a client takes it for the last word, as LiteLLM's Router does."""
    return status not in (408, 409, 429) and status < 500


def faults(plan: Plan, asked: Sequence[Heard], ran: Sequence[Ran]) -> list[str]:
    """Each promise that was broken, in a sentence."""
    broken = [*_effects(plan, ran), *_replies(plan, asked, ran)]
    if not plan.key:
        return [*broken, *_without_a_key(asked, ran)]
    first, second = ([each for each in asked if each.question == number] for number in (0, 1))
    anew = min((each.sent for each in second), default=float("inf"))
    before, after = [run for run in ran if run.began < anew], [run for run in ran if run.began >= anew]
    broken += [*_once(plan, first, before), *_once(plan, second, after), *_waiting(plan, first, before)]
    if plan.steady:
        broken += _foretold(plan, first, before)
    if second:
        broken += _anew(plan, second[0], first, before)
    return broken


def _effects(plan: Plan, ran: Sequence[Ran]) -> Iterator[str]:
    for run in ran:
        acts = outcome(plan.case.steps(run.number)).acts
        if run.effects > acts or (run.how != "closed" and run.effects != acts):
            yield f"{run} was to have {acts} side effects"


def _replies(plan: Plan, asked: Sequence[Heard], ran: Sequence[Ran]) -> Iterator[str]:
    """Whoever stayed was told what his run came to; one that was stopped is a 422, and told to no first attempt."""
    by_id = {run.run_id: run for run in ran}
    for each in asked:
        run = by_id.get(each.run_id)
        if each.left is not None:
            continue
        if run is None:
            yield f"{each} was answered by no run of its case"
        elif run.how == "closed":
            if each.status != RUN_FAILED or (each.attempt == 0 and plan.style != "silent"):
                yield f"{each} was told that somebody else had left"
        else:
            told = outcome(plan.case.steps(run.number))
            if (each.status, each.text) != (told.status, told.text):
                yield f"{each} should have been told {told}"


def _without_a_key(asked: Sequence[Heard], ran: Sequence[Ran]) -> Iterator[str]:
    answered = [each.run_id for each in asked if each.left is None]
    if len(set(answered)) != len(answered):
        yield "two requests without a key shared a run"
    if len(ran) > len(asked):
        yield "there were more runs than requests"


def _once(plan: Plan, asked: Sequence[Heard], ran: Sequence[Ran]) -> Iterator[str]:
    """Of one question at most one run acts. Whoever comes after it acted, or after an answer, is given that run."""
    acting = [run for run in ran if run.effects]
    if len(acting) > 1:
        yield f"one question acted in {acting}"
    binding = [(run.acted_at, run) for run in acting] + [(run.ended, run) for run in ran if _answered(plan, run)]
    for at, run in binding:
        for each in asked:
            again = each.attempt > 0 or plan.style == "silent"
            if each.left is None and again and each.sent > at and each.run_id != run.run_id:
                yield f"{each} came after {run} and was given another"


def _answered(plan: Plan, run: Ran) -> bool:
    return run.how == "ended" and outcome(plan.case.steps(run.number)).status == 200


def _waiting(plan: Plan, asked: Sequence[Heard], ran: Sequence[Ran]) -> Iterator[str]:
    """A run whose client said that he would come back, and did, was not stopped in between."""
    in_time = all(one.gap <= IN_TIME for one in plan.tries)
    stayed = all(each.left is None for each in asked if each.attempt == asked[-1].attempt)
    if plan.style == "ours" and in_time and stayed:
        yield from (f"{run} was stopped, and its client was on his way" for run in ran if run.how == "closed")


def _foretold(plan: Plan, asked: Sequence[Heard], ran: Sequence[Ran]) -> Iterator[str]:
    """Where nobody leaves, each attempt begins a run, until one is final."""
    told: list[int] = []
    while len(told) < len(plan.tries) and not (told and is_final(told[-1])):
        told.append(outcome(plan.case.steps(len(told) + 1)).status)
    if [each.status for each in asked] != told or [each.run_id for each in asked] != [run.run_id for run in ran]:
        yield f"{asked} should have been told {told}, each of a run of its own: {ran}"


def _anew(plan: Plan, ask: Heard, asked: Sequence[Heard], ran: Sequence[Ran]) -> Iterator[str]:
    """Who asks the same on purpose has a run of its own, once the last one is done with.

    An answer that nobody has got is his. Without a word on attempts the same key is the same run.
    """
    last = max(ran, key=lambda run: run.began, default=None)
    given = next((run for run in ran if run.run_id == ask.run_id), None)
    if given is not None and given.ended > ask.sent:
        return  # one whose client had left was still on its way, and lived when this one came
    new = given is None
    if last is None or not (_answered(plan, last) or (plan.style == "silent" and last.effects)):
        if not new and not (plan.style == "silent" and last and last.how == "closed"):
            yield f"{ask} asked anew, and was given an old run"
    elif plan.style == "silent":
        if ask.run_id != last.run_id:
            yield f"{ask} named its key alone, and was not given {last}"
    elif any(each.left is None and each.run_id == last.run_id for each in asked):
        if not new:
            yield f"{ask} asked anew for what had been delivered, and was given it again"
    elif new and all(each.left is not None and each.left < last.ended - MARGIN for each in asked):
        yield f"{ask} was not given {last}, whose answer nobody has got"
