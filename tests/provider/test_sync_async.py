"""Law 4: sync and async differ by `await` only. Both are read without their async words, and have to be the same."""

from __future__ import annotations

import ast
import inspect
from textwrap import dedent
from typing import Any

import pytest

from litellm_codex_agent.provider import handler, streams, transport

# A name without its async mark: `aread`, `AsyncStream`, `__anext__`, `StopAsyncIteration`.
PLAIN = {
    "aread": "read",
    "asend": "send",
    "aclose": "close",
    "anext": "next",
    "acompletion": "completion",
    "astreaming": "streaming",
    "aiter_bytes": "iter_bytes",
    "AsyncIterator": "Iterator",
}
# What only one side has, each with its reason.
ONE_SIDED = {
    "if claim(call['logging_obj']):": "a stream opened early is LiteLLM's async path only",
    "if is_health_check(request.params):": "LiteLLM's health checks are async only",
    "def __del__(self)": "an async stream cannot be closed from a finalizer",
}
PAIRS = [
    (transport.Answer, transport.AsyncAnswer),
    (transport.HttpxAnswer, transport.AsyncHttpxAnswer),
    (transport.read, transport.aread),
    (streams.Stream, streams.AsyncStream),
    (handler.CodexAgent.completion, handler.CodexAgent.acompletion),
]


class Plain(ast.NodeTransformer):
    """Takes the async words, the docstrings and what is one-sided out of a tree."""

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.Await):
            return self.visit(node.value)
        if isinstance(node, ast.stmt) and ast.unparse(node).startswith(tuple(ONE_SIDED)):
            return None
        if isinstance(node, ast.AsyncFunctionDef):
            node = ast.FunctionDef(**dict(ast.iter_fields(node)))
        for field in ("name", "id", "attr"):
            if isinstance(word := getattr(node, field, None), str):
                setattr(node, field, plain(word))
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node):
            node.body = node.body[1:]
        return self.generic_visit(node)


def plain(word: str) -> str:
    word = PLAIN.get(word, word).replace("Async", "")
    return word.replace("__a", "__", 1) if word in ("__aiter__", "__anext__") else word


def words(source: str) -> str:
    """The source without its async words; what a function says that it returns is the type checker's."""
    return ast.unparse(ast.fix_missing_locations(Plain().visit(ast.parse(source))))


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0].__qualname__)
def test_sync_and_async_are_the_same_but_for_await(pair: tuple[Any, Any]) -> None:
    sync, awaited = (dedent(inspect.getsource(each)) for each in pair)
    assert words(sync) == words(awaited)
    assert sync != awaited


@pytest.mark.parametrize(
    "changed",
    [
        "async def aread(answer):\n    return await answer.part(1)",
        "async def aread(answer):\n    await answer.close()\n    return await answer.part()",
        "async def aread(answer):\n    return await answer.whole()",
    ],
)
def test_a_line_that_differs_is_seen(changed: str) -> None:
    assert words("def read(answer):\n    return answer.part()") != words(changed)
    assert words("def read(answer):\n    return answer.part()") == words(
        "async def aread(answer):\n    return await answer.part()"
    )
