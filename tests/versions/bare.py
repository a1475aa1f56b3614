"""What the package says on a LiteLLM that cannot work, or only in part, in environments with nothing else in them."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BARE", "CODE", "Bare"]

# The failure of the second line is LiteLLM's own, before any provider is asked: port 9 refuses.
CODE = """
import litellm, litellm_codex_agent
litellm_codex_agent.register()
tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
call = {"model": "codex-agent/mini", "messages": [{"role": "user", "content": "hi"}], "api_base": "http://127.0.0.1:9"}
try:
    litellm.completion(**call, tools=[tool])
except Exception as error:
    print(error)
"""


@dataclass(frozen=True)
class Bare:
    """On this LiteLLM `CODE` says each of `says`, and none of `never`."""

    version: str
    says: tuple[str, ...]
    never: tuple[str, ...] = ()

    def wrong(self, said: str) -> list[str]:
        """What `said` has not and should have, or the other way round."""
        missing = [f"not said: {words}" for words in self.says if words not in said]
        return missing + [f"said: {words}" for words in self.never if words in said]


_MCP = "No module named 'mcp'"
_TOLD = "until you run: pip install mcp"
BARE = (
    Bare("1.89.7", ("Misconfigured: LiteLLM 1.89.7 is too old", 'Run: pip install "litellm>=1.90"')),
    Bare("1.106.2", (f"LiteLLM 1.106.2 fails in every call with tools {_TOLD}", _MCP)),
    Bare("1.109.1", ("cannot be reached",), (_TOLD, _MCP)),
)
