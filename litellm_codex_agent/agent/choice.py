"""The models that the mini-agent can be asked with: scripts by `script/<name>`, all others by LiteLLM."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..backends.backend import NoSuchModel, NotReady
from .litellm_model import Models
from .model import Model
from .scripted import PREFIX, Scripts

__all__ = ["Choice"]

_MINI = "mini"
_AGENTS = ("codex", "echo", _MINI, "replay")


class Choice:
    """Of a router's config, if there is one, and of a folder of scripts, if there is one."""

    def __init__(self, config: Path | None = None, scripts: Path | None = None) -> None:
        self._of_litellm = Models(config)
        self._scripts = Scripts(scripts)

    def names(self) -> Sequence[str]:
        """Those that can be listed; LiteLLM knows thousands more."""
        return [*self._groups(), *(f"{PREFIX}{name}" for name in self._scripts.names())]

    def check(self, name: str) -> None:
        """Raises `NoSuchModel` and `NotReady`, as far as that is known without asking the model."""
        name = self._own(name)
        if name.startswith(PREFIX):
            self._scripts.model(name.removeprefix(PREFIX))
        else:
            self._of_litellm.names()

    async def model(self, name: str) -> Model:
        """The model of one run. Raises as `check` does."""
        name = self._own(name)
        if name.startswith(PREFIX):
            return self._scripts.model(name.removeprefix(PREFIX))
        return await self._of_litellm.model(name)

    def _groups(self) -> Sequence[str]:
        try:
            return self._of_litellm.names()
        except NotReady:
            return ()  # `check` says why, whichever model is asked for

    def _own(self, name: str) -> str:
        """As the agent's own list has it, or without the agent's name before it. Another agent is no model."""
        own = name.removeprefix(f"{_MINI}:")
        if own.partition(":")[0] in _AGENTS and own not in self._groups():
            raise NoSuchModel(f"{name!r:.80} is an agent, and the mini-agent works with a model.")
        return own
