"""The LiteLLM that is installed: one that is too old is refused, and a fault that it is known for is told, once."""

from __future__ import annotations

import logging
import re
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from ..errors import Misconfigured

__all__ = ["OLDEST", "check"]

# Below it LiteLLM's streams fail on the chunks of a custom provider; no name that it exports tells.
OLDEST = (1, 90)
# From the first of these up to the second any call with `tools` fails without the package `mcp`. Measured: 1.105.7 does
# not, 1.106.0 and 1.108.3 do, 1.108.6 does not.
_NEED_MCP = ((1, 106), (1, 108, 6))

_log = logging.getLogger("litellm_codex_agent")


@cache
def check(litellm: str | None = None, *, has_mcp: bool | None = None) -> None:
    """Refuse a LiteLLM that cannot work. What is not given is looked up; a version that says nothing is let pass."""
    said = _version() if litellm is None else litellm
    number = tuple(int(part) for part in (re.match(r"\d+(\.\d+)+", said) or [""])[0].split(".") if part)
    if number and number < OLDEST:
        needed = ".".join(map(str, OLDEST))
        raise Misconfigured(
            f"LiteLLM {said} is too old for codex-agent, which needs {needed} or newer.",
            hint=f'Run: pip install "litellm>={needed}"',
        )
    first, mended = _NEED_MCP
    if first <= number < mended and not (_has_mcp() if has_mcp is None else has_mcp):
        _log.warning("LiteLLM %s fails in every call with tools until you run: pip install mcp", said)


def _version() -> str:
    try:
        return version("litellm")
    except PackageNotFoundError:  # a copy that was not installed as a package
        return ""


def _has_mcp() -> bool:
    return find_spec("mcp") is not None
