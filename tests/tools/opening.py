"""Short ways to open tools over HTTP and to call them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from litellm_codex_agent.tools import http
from litellm_codex_agent.tools.http import HttpTools
from litellm_codex_agent.tools.source import Call, Result

# Every wait of a test ends here at the latest.
PATIENCE = 20.0
Value = TypeVar("Value")


def origin(url: str) -> str:
    return "/".join(url.split("/")[:3])


def using(url: str, act: Callable[[HttpTools], Awaitable[Value]], **options: Any) -> Value:
    """Open the tools at `url`, whose origin is listed, and do something with them."""
    given = {"headers": {}, "defaults": {}, "origins": [origin(url)], "run_key": "run_1", "seconds": 5.0, **options}

    async def use() -> Value:
        async with http.opened(url, **given) as source:
            return await act(source)

    return asyncio.run(asyncio.wait_for(use(), PATIENCE))


def calling(url: str, name: str, arguments: Any = None, *, within: float = 5.0, **options: Any) -> Result:
    """The result of one call."""
    return using(url, lambda source: source.call(Call("c1", name, arguments or {}), within), **options)


def listing(url: str, **options: Any) -> list[str]:
    """The names that are offered."""

    async def names(source: HttpTools) -> list[str]:
        return [tool.name for tool in source.tools]

    return using(url, names, **options)
