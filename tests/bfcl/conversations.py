"""The multi-turn conversations of the Berkeley Function Calling Leaderboard, as its package `bfcl-eval` brings them.

Each turn has the calls that a right answer makes, written as Python. Here they become names and arguments, as a model
writes them; what has no names in Python gets those of its function.
"""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

__all__ = ["Asked", "CATEGORIES", "Conversation", "conversations", "installed", "made", "tools_of"]

CATEGORIES = ("base", "miss_func", "miss_param", "long_context")
# As the leaderboard calls the types of JSON schema.
_TYPES = {"dict": "object", "float": "number", "tuple": "array"}


def installed() -> bool:
    return find_spec("bfcl_eval") is not None


def _data() -> Path:
    found = find_spec("bfcl_eval")
    assert found is not None and found.origin is not None
    return Path(found.origin).parent / "data"


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open() as file:
        for line in file:
            yield json.loads(line)


@dataclass(frozen=True)
class Asked:
    """One call of a right answer, in both forms."""

    name: str
    arguments: Mapping[str, Any]
    written: str


@dataclass(frozen=True)
class Conversation:
    """`turns` has for each of the user's messages the calls of a right answer; some ask for what nobody can do."""

    id: str
    classes: Sequence[str]
    config: Mapping[str, Any]
    questions: Sequence[Sequence[Mapping[str, Any]]]
    turns: Sequence[Sequence[Asked]]

    @property
    def long(self) -> bool:
        return "long_context" in self.id


def conversations(category: str) -> Iterator[Conversation]:
    """Those of a category, in their order."""
    name = f"BFCL_v4_multi_turn_{category}.json"
    right = {entry["id"]: entry["ground_truth"] for entry in _lines(_data() / "possible_answer" / name)}
    for entry in _lines(_data() / name):
        classes = entry["involved_classes"]
        methods = {name: method for each in classes for name, method in inspect.getmembers(_class(each))}
        turns = [[_asked(written, methods) for written in turn] for turn in right[entry["id"]]]
        yield Conversation(entry["id"], classes, entry["initial_config"], entry["question"], turns)


def made(conversation: Conversation) -> dict[str, Any]:
    """Its world: an instance of each class, as the conversation finds it."""
    instances = {}
    for name in conversation.classes:
        instance = instances[name] = _class(name)()
        if hasattr(instance, "_load_scenario"):
            # A copy of its own: the classes write into what they are given.
            config = json.loads(json.dumps(conversation.config.get(name, {})))
            instance._load_scenario(config, long_context=conversation.long)
    return instances


def tools_of(conversation: Conversation) -> list[dict[str, Any]]:
    """The tools of a conversation, as OpenAI has them."""
    from bfcl_eval.constants.executable_backend_config import MULTI_TURN_FUNC_DOC_FILE_MAPPING as FILES

    documents = [
        entry for name in conversation.classes for entry in _lines(_data() / "multi_turn_func_doc" / FILES[name])
    ]
    told = {entry["name"]: entry for entry in documents}
    named = {name for instance in made(conversation).values() for name in methods_of(instance)}
    return [_tool(name, told.get(name, {})) for name in sorted(named)]


def methods_of(instance: Any) -> dict[str, Any]:
    """What can be called of an instance."""
    found = inspect.getmembers(instance, predicate=inspect.ismethod)
    return {name: method for name, method in found if not name.startswith("_")}


def _class(name: str) -> Any:
    from bfcl_eval.constants.executable_backend_config import CLASS_FILE_PATH_MAPPING as MODULES

    return getattr(import_module(MODULES[name]), name)


def _asked(written: str, methods: Mapping[str, Any]) -> Asked:
    call = ast.parse(written, mode="eval").body
    assert isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
    named = list(inspect.signature(methods[call.func.id]).parameters)[1:]
    arguments = dict(zip(named, (ast.literal_eval(each) for each in call.args), strict=False))
    arguments.update((each.arg or "", ast.literal_eval(each.value)) for each in call.keywords)
    return Asked(call.func.id, arguments, written)


def _tool(name: str, told: Mapping[str, Any]) -> dict[str, Any]:
    schema = _schema(told.get("parameters", {"type": "object"}))
    function = {"name": name, "description": told.get("description", ""), "parameters": schema}
    return {"type": "function", "function": function}


def _schema(told: Any) -> Any:
    if isinstance(told, list):
        return [_schema(each) for each in told]
    if not isinstance(told, dict):
        return told
    kind = told.get("type")
    renamed = {"type": _TYPES[kind]} if isinstance(kind, str) and kind in _TYPES else {}
    return {**{key: _schema(value) for key, value in told.items()}, **renamed}
