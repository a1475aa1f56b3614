"""The state of a conversation's classes, played by us and by the leaderboard itself, in a form that can be compared."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from random import Random
from typing import Any

from .conversations import Conversation, made, methods_of

__all__ = ["World", "expected", "state_of"]


class World:
    """One conversation's classes, and what was called of them."""

    def __init__(self, conversation: Conversation) -> None:
        self.instances = made(conversation)
        self.methods = {name: method for each in self.instances.values() for name, method in methods_of(each).items()}
        self.said: list[str] = []

    def call(self, name: str, arguments: Mapping[str, Any]) -> tuple[str, bool]:
        """What the leaderboard would show its model, and whether it went well."""
        try:
            found = self.methods[name](**arguments)
        except Exception as error:  # whatever a class does is a result, there as here
            said, ok = f"Error during execution: {error}", False
        else:
            said, ok = _said(found), not (isinstance(found, dict) and found.get("error"))
        self.said.append(said)
        return said, ok


def expected(conversation: Conversation, round_: str) -> tuple[list[list[str]], Any]:
    """What the leaderboard's own player makes of the right answer: what each turn's calls say, and the end state."""
    from bfcl_eval.eval_checker.multi_turn_eval.multi_turn_utils import execute_multi_turn_func_call

    said: list[list[str]] = []
    instances: Mapping[str, Any] = {}
    for turn in conversation.turns:
        found, instances = execute_multi_turn_func_call(
            [asked.written for asked in turn],
            dict(conversation.config),
            list(conversation.classes),
            f"right_{round_}",
            conversation.id,
            long_context=conversation.long,
        )
        said.append(found)
    return said, state_of(instances)


def state_of(instances: Mapping[str, Any]) -> Any:
    """All that the instances hold, as JSON: also how far their random numbers have come, so no call is missed."""
    return {name: _plain(vars(instance), ()) for name, instance in sorted(instances.items())}


def _plain(value: Any, above: Sequence[int]) -> Any:
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, Random):
        return sha256(repr(value.getstate()).encode()).hexdigest()
    if isinstance(value, datetime):
        return "(when it was)"
    if id(value) in above:
        return "(above)"
    inside = (*above, id(value))
    if isinstance(value, Mapping):
        return {str(key): _plain(each, inside) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each, inside) for each in value]
    if isinstance(value, (set, frozenset)):
        return sorted(json.dumps(_plain(each, inside), sort_keys=True) for each in value)
    if hasattr(value, "__dict__") and not callable(value):
        return {"is": type(value).__name__, **_plain(vars(value), inside)}
    return repr(value)


def _said(found: Any) -> str:
    if isinstance(found, str):
        return found
    if isinstance(found, dict):
        try:
            return json.dumps(found)
        except (TypeError, ValueError):
            return str(found)
    return str(found)
