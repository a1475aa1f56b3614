"""Makes room in a conversation that grows out of its model's window: old tool output first, then whole old turns. Pure.

Law: never the task, never the last turn's calls, and never half of a call and its result. What is left out is told in
its place. It trims by more than it has to, so that the next calls send the same beginning and a cache can hold it:
whoever goes on from what it returns, and not from the whole, has that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..tools.source import cut
from .failures import CONTEXT_WINDOW, failed

__all__ = ["Count", "estimate", "room", "trimmed"]

Message = Mapping[str, Any]
# The tokens of one message, or of one tool as it is offered.
Count = Callable[[Message], int]
_Turns = list[list[Message]]

# English has four letters to a token, code three, and Chinese, with three bytes to a letter, about one token to each.
_BYTES_A_TOKEN = 3
# What stands around each message, in any template that we know.
_AROUND = 8
# An image takes so much at the most, whatever its bytes.
_IMAGE = 2000
_NO_TEXT = ("image_url", "input_audio", "file")
# For the answer, of a large window; a quarter of a small one.
_ANSWER = 4096
# To which part of the room it is trimmed, once it has to be.
_GOAL = 3 / 4
# To how many bytes at each end the output of the last turn is cut, while it is too much.
_LAST = (8192, 2048, 512)
_STEPS = re.compile(r"\[([0-9,]+) earlier steps? of this work (?:was|were) left out here\.\]")


def estimate(message: Message) -> int:
    """Rather too many tokens than too few."""
    content = message.get("content")
    parts = content if isinstance(content, list) else ()
    images = [part for part in parts if isinstance(part, Mapping) and part.get("type") in _NO_TEXT]
    if images:
        message = {**message, "content": [part for part in parts if part not in images]}
    text = json.dumps(message, ensure_ascii=False, default=str).encode("utf-8", "replace")
    return _AROUND + len(text) // _BYTES_A_TOKEN + _IMAGE * len(images)


def room(window: int, tools: Sequence[Message] = (), *, count: Count = estimate) -> int:
    """The tokens that a conversation may take where so many fit into the window, beside the tools and the answer."""
    return window - min(_ANSWER, window // 4) - sum(map(count, tools))


def trimmed(messages: Sequence[Message], task: int, most: int, *, count: Count = estimate) -> list[Message]:
    """`messages` in at most so many tokens; the first `task` of them stay as they are, whatever they hold.

    Raises the error that an endpoint would, where even that is too much.
    """
    head, turns = list(messages[:task]), _turns(messages[task:])
    fixed = sum(map(count, head))

    def over(limit: float) -> float:
        return fixed + sum(count(message) for turn in turns for message in turn) - limit

    if over(most) > 0:
        turns = _without_old_output(turns, over(most * _GOAL), count)
    if over(most) > 0:
        turns = _without_old_turns(turns, over(most * _GOAL), count)
    earlier, last = turns[:-1], turns[-1:]
    for bound in (*_LAST, 0):
        if over(most) > 0:
            turns = [*earlier, *([_cut(message, bound) for message in turn] for turn in last)]
    if over(most) > 0:
        sentence = f"The task takes about {most + over(most):,.0f} tokens, and the model's window has {most:,} left."
        raise failed(400, sentence, code=CONTEXT_WINDOW)
    return [*head, *(message for turn in turns for message in turn)]


def _turns(messages: Sequence[Message]) -> _Turns:
    """Each turn of the model with all that answers it."""
    turns: _Turns = []
    for message in messages:
        if message.get("role") == "assistant" or not turns:
            turns.append([])
        turns[-1].append(message)
    return turns


def _without_old_output(turns: _Turns, over: float, count: Count) -> _Turns:
    """The oldest first, until so many tokens are saved; the last turn keeps its own."""
    left = [list(turn) for turn in turns]
    for turn in left[:-1]:
        for place, message in enumerate(turn):
            short = _cut(message, 0)
            if over > 0 and (saved := count(message) - count(short)) > 0:
                turn[place] = short
                over -= saved
    return left


def _cut(message: Message, most: int) -> Message:
    """A tool's message with its output cut to its ends, to nothing for a `most` of zero; any other as it is."""
    content = message.get("content")
    if message.get("role") != "tool" or not content:
        return message
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, default=str)
    left_out = len(text.encode("utf-8", "replace"))
    short = cut(text, most) if most else f"[{left_out:,} bytes of output were left out here.]"
    return {**message, "content": short} if len(short) < len(text) else message


def _without_old_turns(turns: _Turns, over: float, count: Count) -> _Turns:
    """The oldest first, until so many tokens are saved, and one note in their place. The last turn stays."""
    gone = steps = 0
    while over > 0 and gone < len(turns) - 1:
        over -= sum(map(count, turns[gone]))
        steps += _steps(turns[gone])
        gone += 1
    if not steps:
        return turns
    told = f"{steps:,} earlier step{'' if steps == 1 else 's'} of this work {'was' if steps == 1 else 'were'}"
    return [[{"role": "user", "content": f"[{told} left out here.]"}], *turns[gone:]]


def _steps(turn: Sequence[Message]) -> int:
    """One, or as many as the note of an earlier time stands for."""
    told = turn[0].get("content")
    noted = _STEPS.fullmatch(told) if len(turn) == 1 and isinstance(told, str) else None
    return int(noted[1].replace(",", "")) if noted else 1
