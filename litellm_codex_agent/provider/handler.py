"""`CodexAgent`: the four calls that LiteLLM makes to a provider. Law: sync and async differ by `await` only."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from litellm import CustomStreamWrapper
from litellm.llms.custom_llm import CustomLLM
from litellm.types.utils import ModelResponse

from .aiohttp_transport import asend
from .eager import claim
from .failures import told
from .health import ahealth, is_health_check
from .join import reader_for
from .replies import log_request, reply_of
from .request import Request, prepare
from .streams import AsyncStream, Stream
from .transport import aread, read, send

__all__ = ["CodexAgent"]


class CodexAgent(CustomLLM):
    """An OpenAI-compatible agent endpoint as a LiteLLM provider. LiteLLM calls by keyword; see `request.prepare`."""

    def completion(self, *args: Any, **call: Any) -> ModelResponse:
        request = _prepared(call, stream=False)
        with told(call, request.secrets):
            log_request(request)
            answer = send(request)
            return reply_of(request, answer.status, answer.headers, read(answer))

    async def acompletion(self, *args: Any, **call: Any) -> ModelResponse | CustomStreamWrapper:
        if claim(call["logging_obj"]):
            return await _early(call)
        request = _prepared(call, stream=False)
        with told(call, request.secrets):
            if is_health_check(request.params):
                return await ahealth(request)
            log_request(request)
            answer = await asend(request)
            return reply_of(request, answer.status, answer.headers, await aread(answer))

    def streaming(self, *args: Any, **call: Any) -> Iterator[Any]:
        return Stream(_prepared(call, stream=True), call, send).open()

    def astreaming(self, *args: Any, **call: Any) -> AsyncIterator[Any]:  # type: ignore[override]  # never awaited
        request = _prepared(call, stream=True)
        return AsyncStream(request, call, asend, reader_for(request))


def _prepared(call: Mapping[str, Any], *, stream: bool) -> Request:
    with told(call):
        return prepare(call, stream=stream)


async def _early(call: Mapping[str, Any]) -> CustomStreamWrapper:
    """The stream that `eager.Hook` asked for: opened here, so that a refusal is the Router's to retry."""
    request = _prepared(call, stream=True)
    stream = await AsyncStream(request, call, asend, reader_for(request)).open()
    return CustomStreamWrapper(
        completion_stream=stream,
        model=request.model,
        custom_llm_provider=request.provider,
        logging_obj=request.logging,
        _response_headers=dict(stream.headers),
    )
