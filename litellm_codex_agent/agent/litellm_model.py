"""Models that LiteLLM knows, by name or behind a Router of a config file: the only place of the agent that imports it.

Law: an answer is streamed and counted, and what fails is an error of ours, with no key in its text. Nothing is asked
twice here: a Router does its own retries, and a plain model's are for whoever called the agent. LiteLLM is imported
in a thread, for it takes seconds, when the first model is asked for.
"""

from __future__ import annotations

import asyncio
import copy
import threading
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

from ..backends.backend import NoSuchModel, NotReady
from ..errors import BrokenReply
from .failures import is_refused_content, of_litellm
from .joining import Answer
from .model import Asked, Model, Piece
from .router_config import RouterConfig, read

__all__ = ["LiteLLMModel", "Models"]

_FIXED = {"stream": True, "stream_options": {"include_usage": True}}


class LiteLLMModel:
    """One name. With a `router` that name is one of its groups'; `secrets` are masked in what fails."""

    def __init__(
        self, name: str, *, router: Any = None, window: int | None = None, secrets: tuple[str, ...] = ()
    ) -> None:
        self.name = name
        self.window = window
        self._router = router
        self._secrets = secrets

    async def ask(self, asked: Asked) -> AsyncGenerator[Piece, None]:
        answer = Answer()
        try:
            async with aclosing(await self._opened(asked)) as stream:
                async for chunk in stream:
                    for piece in answer.hear(chunk):
                        yield piece
            reply = answer.reply(_built(stream, answer, asked))
        except _raised() as error:
            if not is_refused_content(error):
                failure = of_litellm(error, self.name)
                failure.hide(self._secrets)
                raise failure from None  # its own text may quote the key that was sent
            reply = answer.refused()
        else:
            if _is_cut(stream, answer):
                raise BrokenReply(f"The model {self.name} stopped in mid-answer, without a word why.")
        yield reply

    async def _opened(self, asked: Asked) -> Any:
        litellm = await asyncio.to_thread(_litellm)
        # LiteLLM writes into the messages that it is given.
        call = {**asked.parameters, **_FIXED, "model": self.name, "messages": copy.deepcopy(list(asked.messages))}
        if asked.tools:
            call["tools"] = copy.deepcopy(list(asked.tools))
        if self._router is not None:
            return await self._router.acompletion(**call)
        return await litellm.acompletion(**call, num_retries=0)


class Models:
    """Makes the model of a run: of the config's groups by its one Router, any other as LiteLLM knows it."""

    def __init__(self, config: Path | None = None) -> None:
        self._path = config
        self._lock = threading.Lock()
        self._made: tuple[RouterConfig, Any] | None = None

    def names(self) -> Sequence[str]:
        """The config's groups. Raises `NotReady` where it cannot be used; without one there is no list."""
        return read(self._path).names if self._path else ()

    async def model(self, name: str) -> Model:
        """Raises `NotReady`, and `NoSuchModel` for a name by which LiteLLM knows nobody to ask."""
        return await asyncio.to_thread(self._model, name)

    def _model(self, name: str) -> Model:
        litellm = _litellm()
        config, router = self._router(litellm)
        rows = router.get_model_list(model_name=name) if router else None
        if not rows:
            _check(litellm, name)
            return LiteLLMModel(name, window=_window(litellm, name))
        windows = [_window(litellm, row["litellm_params"]["model"], row.get("model_info")) for row in rows]
        # Any of them may be the one that answers.
        least = min((window for window in windows if window), default=None)
        return LiteLLMModel(name, router=router, window=least, secrets=config.secrets)

    def _router(self, litellm: Any) -> tuple[RouterConfig, Any]:
        if self._path is None:
            return RouterConfig(()), None
        with self._lock:
            if self._made is None:
                config = read(self._path)
                self._made = config, _router(litellm, config, self._path.name)
            return self._made


def _litellm() -> Any:
    import litellm

    # Its advice goes to stdout, where a program's answer may stand.
    litellm.suppress_debug_info = True
    return litellm


def _raised() -> tuple[type[BaseException], ...]:
    """What LiteLLM lets out. Almost all is an error of the OpenAI client's; its Router has some of its own."""
    from openai import OpenAIError

    return OpenAIError, ValueError, TypeError, OSError, asyncio.TimeoutError


def _router(litellm: Any, config: RouterConfig, file: str) -> Any:
    unusable: tuple[type[BaseException], ...] = (*_raised(), KeyError, AttributeError)
    try:
        return litellm.Router(model_list=copy.deepcopy(list(config.model_list)), **config.router_settings)
    except unusable as error:
        failure = of_litellm(error, file)
        failure.hide(config.secrets)
        raise NotReady(f"LiteLLM's Router does not take the config {file}: {failure}") from None


def _check(litellm: Any, name: str) -> None:
    try:
        litellm.get_llm_provider(name)
    except _raised() as error:
        raise NoSuchModel(
            f"LiteLLM knows no provider for the model {name!r:.80}. Name it with its provider, as in openai/gpt-5-mini."
        ) from error


def _window(litellm: Any, name: str, told: Any = None) -> int | None:
    """How many tokens a question may have, where the config or LiteLLM's own table says so."""
    try:
        model, provider, *_ = litellm.get_llm_provider(name)
    except _raised():
        model, provider = name, ""
    rows = (dict(told or {}), *(litellm.model_cost.get(key, {}) for key in (name, f"{provider}/{model}", model)))
    found = (row.get("max_input_tokens") for row in rows)
    return next((window for window in found if isinstance(window, int) and window > 0), None)


def _is_cut(stream: Any, answer: Answer) -> bool:
    """Whether the endpoint never said why it ended: LiteLLM makes a `stop` of that.

    A Router's stream does not say; but it has the chunks that came, without the one that LiteLLM made up.
    """
    told = getattr(stream, "received_finish_reason", None) or getattr(stream, "intermittent_finish_reason", None)
    came = getattr(stream, "chunks", None) or ()
    # Those of another answer are of a first try, which failed before it said anything.
    ours = [chunk for chunk in came if chunk.id == answer.chunks[-1].id]
    return bool(ours) and not told and not any(choice.finish_reason for chunk in ours for choice in chunk.choices)


def _built(stream: Any, answer: Answer, asked: Asked) -> Any:
    """The whole of what was streamed, as LiteLLM puts it together, counts it and prices it."""
    litellm, logging = _litellm(), getattr(stream, "logging_obj", None)
    built = litellm.stream_chunk_builder(answer.chunks, messages=list(asked.messages), logging_obj=logging)
    if built is not None and built._hidden_params.get("response_cost") is None and built.model in litellm.model_cost:
        # Before 1.103 or so it does so only when it is asked.
        provider = built._hidden_params.get("custom_llm_provider")
        built._hidden_params["response_cost"] = litellm.completion_cost(built, custom_llm_provider=provider)
    return built
