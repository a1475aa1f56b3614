"""Which run answers a request. Pure: what is asked and what is known in, a verdict out.

One request is one run, however often it is tried. A key names the request within its tenant; the attempt tells
a retry from a caller who asks the same again. A key without a word on attempts is what the IETF's draft on
Idempotency-Key makes of it: the same key is the same run.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["Ask", "Known", "Verdict", "decide", "waits_for_another"]


@dataclass(frozen=True)
class Ask:
    """A request as far as it says who it is. Without a key it is its own run; what is None was not said."""

    tenant: str = ""
    key: str = ""
    attempt: int | None = None
    retries_left: int | None = None
    digest: str = ""


@dataclass(frozen=True)
class Known:
    """The newest run of a key: whether it lives, has begun to act, has an answer, was cancelled by somebody's wish.

    `delivered` is that somebody has been given all that it told.
    """

    run_id: str
    digest: str
    living: bool
    acted: bool = False
    answered: bool = False
    delivered: bool = False
    cancelled: bool = False


class Verdict(Enum):
    """What a request gets."""

    NEW = "a run of its own"
    ATTACH = "the run that lives"
    REPLAY = "what the ended run told"
    CONFLICT = "a refusal: the key belongs to another request"


def decide(ask: Ask, known: Known | None) -> Verdict:
    """The verdict for `ask`, whose key is that of `known`."""
    if known is None:
        return Verdict.NEW
    if known.digest != ask.digest:
        return Verdict.CONFLICT
    if known.living:
        return Verdict.ATTACH
    if not known.answered and not known.acted and not known.cancelled:
        return Verdict.NEW  # it failed before it did anything: a fresh try of the same work
    if ask.attempt == 0 and (known.delivered or not known.answered):
        return Verdict.NEW  # the key is closed, and its caller asks anew
    return Verdict.REPLAY


def waits_for_another(ask: Ask, *, answering: bool) -> bool:
    """Whether the run waits for another attempt when this caller goes away.

    OpenAI's clients count their attempts but do not say how many follow; they try again only while no answer began.
    """
    if not ask.key:
        return False
    if ask.retries_left is None:
        return ask.attempt is not None and not answering
    return ask.retries_left > 0
