"""Real LiteLLM, a real socket: text, thoughts and calls as they come, then the whole with what it took."""

from __future__ import annotations

import asyncio
import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from litellm_codex_agent.agent.failures import CONTEXT_WINDOW
from litellm_codex_agent.agent.litellm_model import LiteLLMModel
from litellm_codex_agent.agent.model import Asked, Mused, Piece, RawCall, Reply, Said
from litellm_codex_agent.backends.backend import NoSuchModel
from litellm_codex_agent.backends.events import Usage
from litellm_codex_agent.errors import AgentError, BrokenReply, Refused, TimedOut, Unreachable

from .. import endpoint as scripted
from ..endpoint import Endpoint
from .models import HI, KEY, answering, call, chunk, config, of, pieces, run, said, used

# A stream of theirs ends as if all had been said, and does not tell what came.
hidden_by_old_routers = pytest.mark.skipif(
    tuple(map(int, version("litellm").split(".")[:2])) < (1, 100), reason="needs LiteLLM 1.100"
)


def heard(tmp_path: Path, endpoint: Endpoint, *acts: scripted.Act, asked: Asked = HI) -> list[Piece]:
    """What the group's model answers to one question."""

    async def scene() -> list[Piece]:
        return await pieces(await of(config(tmp_path, endpoint.lane(*acts).base)), asked)

    return run(scene())


def reply(tmp_path: Path, endpoint: Endpoint, *acts: scripted.Act) -> Reply:
    last = heard(tmp_path, endpoint, *acts)[-1]
    assert isinstance(last, Reply)
    return last


def plain(base: str, **parameters: Any) -> tuple[LiteLLMModel, Asked]:
    """A model without a Router, and a question that says where it is."""
    return LiteLLMModel("openai/m"), Asked(HI.messages, parameters={"api_base": base, "api_key": KEY, **parameters})


def test_text_and_thoughts_come_in_pieces_and_the_whole_last(tmp_path: Path, endpoint: Endpoint) -> None:
    thought = chunk({"role": "assistant", "content": None, "reasoning_content": "Hm."})
    count = used(9, 2, completion_tokens_details={"reasoning_tokens": 1})
    act = said(thought, chunk({"content": "Hel"}), chunk({"content": "lo"}), chunk({}, "stop"), count)
    *told, whole = heard(tmp_path, endpoint, act)
    assert told == [Mused("Hm."), Said("Hel"), Said("lo")]
    message = {"role": "assistant", "content": "Hello", "reasoning_content": "Hm."}
    assert whole == Reply(message, "Hello", (), "stop", Usage(9, 2, reasoning_tokens=1))


def test_calls_side_by_side_are_put_together_from_their_pieces(tmp_path: Path, endpoint: Endpoint) -> None:
    begun = [chunk(call(0, "f", '{"x"', "a")), chunk(call(1, "g", "", "b")), chunk(call(0, None, ": 1}"))]
    whole = reply(tmp_path, endpoint, said(*begun, chunk({}, "tool_calls"), used(1, 1)))
    assert whole.calls == (RawCall("a", "f", '{"x": 1}'), RawCall("b", "g", "{}"))
    assert (whole.finish, whole.text, whole.message["content"]) == ("tool_calls", "", None)
    assert [one["id"] for one in whole.message["tool_calls"]] == ["a", "b"]


def test_a_call_without_an_id_gets_one_and_a_finish_of_stop_is_mended(tmp_path: Path, endpoint: Endpoint) -> None:
    whole = reply(tmp_path, endpoint, said(chunk(call(0, "f", "{}")), chunk({}, "stop")))
    assert whole.finish == "tool_calls"
    assert whole.calls[0].id and whole.calls[0].id == whole.message["tool_calls"][0]["id"]


def test_usage_tells_cached_and_reasoning_tokens(tmp_path: Path, endpoint: Endpoint) -> None:
    details: Any = {"prompt_tokens_details": {"cached_tokens": 4}, "completion_tokens_details": {"reasoning_tokens": 2}}
    whole = reply(tmp_path, endpoint, said(chunk({"content": "a"}), chunk({}, "stop"), used(10, 5, **details)))
    assert whole.usage == Usage(10, 5, None, 4, 2)


def test_without_a_count_of_the_endpoint_the_tokens_are_counted_here(tmp_path: Path, endpoint: Endpoint) -> None:
    whole = reply(tmp_path, endpoint, said(chunk({"content": "Hello there"}), chunk({}, "stop")))
    assert whole.usage.prompt_tokens > 0 and whole.usage.completion_tokens > 0


def test_a_model_with_a_price_has_a_cost_and_a_window(tmp_path: Path, endpoint: Endpoint) -> None:
    async def scene() -> tuple[int | None, Piece]:
        told = [chunk({"content": "a"}, None, "gpt-4o-mini"), chunk({}, "stop", "gpt-4o-mini"), used(3, 2)]
        model = await of(config(tmp_path, endpoint.lane(said(*told)).base, "openai/gpt-4o-mini"))
        return model.window, (await pieces(model))[-1]

    window, whole = run(scene())
    assert window == 128_000
    assert isinstance(whole, Reply) and whole.usage.cost_usd == pytest.approx(3 * 1.5e-7 + 2 * 6e-7)


@pytest.mark.parametrize("finish", ["length", "content_filter"])
def test_why_an_answer_ended_is_told(tmp_path: Path, endpoint: Endpoint, finish: str) -> None:
    assert reply(tmp_path, endpoint, said(chunk({"content": "a"}), chunk({}, finish))).finish == finish


def test_a_refusal_is_an_answer_that_says_so(tmp_path: Path, endpoint: Endpoint) -> None:
    told = heard(
        tmp_path, endpoint, said(chunk({"role": "assistant", "content": None, "refusal": "No."}), chunk({}, "stop"))
    )
    assert told[0] == Said("No.")
    assert isinstance(told[1], Reply) and (told[1].finish, told[1].text) == ("content_filter", "No.")


def refusal(status: int, message: str, code: str = "", headers: dict[str, str] | None = None) -> scripted.Act:
    error = {"message": message, "type": "t", "param": None, "code": code or None}
    return scripted.reply({"error": error}, status=status, headers=headers)


def test_a_question_against_the_rules_ends_as_filtered(tmp_path: Path, endpoint: Endpoint) -> None:
    act = refusal(400, "Your request was rejected as a result of our safety system.", "content_policy_violation")
    assert heard(tmp_path, endpoint, act) == [Reply({"role": "assistant", "content": None}, finish="content_filter")]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 429, 500, 503])
def test_a_refusal_keeps_its_status_and_its_words(tmp_path: Path, endpoint: Endpoint, status: int) -> None:
    with pytest.raises(Refused) as caught:
        heard(tmp_path, endpoint, refusal(status, "no such thing", "c1"))
    assert caught.value.status == status
    assert str(caught.value) == f"The model group failed with status {status}: no such thing"


def test_a_refusal_says_when_to_come_again(tmp_path: Path, endpoint: Endpoint) -> None:
    with pytest.raises(Refused) as caught:
        heard(tmp_path, endpoint, refusal(429, "busy", headers={"retry-after": "7"}))
    assert (caught.value.status, caught.value.headers) == (429, {"retry-after": "7"})


def test_a_question_that_is_too_long_can_be_told(tmp_path: Path, endpoint: Endpoint) -> None:
    with pytest.raises(Refused) as caught:
        heard(tmp_path, endpoint, refusal(400, "maximum context length is 10 tokens", "context_length_exceeded"))
    assert (caught.value.status, caught.value.refusal.code) == (400, CONTEXT_WINDOW)


def test_a_key_in_a_refusal_is_masked(tmp_path: Path, endpoint: Endpoint) -> None:
    with pytest.raises(Refused) as caught:
        heard(tmp_path, endpoint, refusal(401, f"Incorrect API key: {KEY}, nor sk-live-0123456789abcdef"))
    assert KEY not in str(caught.value) and "sk-…cdef" in str(caught.value)
    assert caught.value.__cause__ is None and caught.value.__suppress_context__


CUTS: list[Any] = [
    pytest.param(scripted.stream(chunk({"content": "a"}), end=False), Unreachable, marks=hidden_by_old_routers),
    (said(chunk({"content": "a"}), scripted.event({"error": {"message": "overloaded"}})), Unreachable),
    (scripted.reset, Refused),
    (refusal(504, "slow"), TimedOut),
]


@pytest.mark.parametrize(("act", "kind"), CUTS)
def test_what_breaks_is_an_error(tmp_path: Path, endpoint: Endpoint, act: scripted.Act, kind: type[AgentError]) -> None:
    with pytest.raises(kind, match="The model group failed"):
        heard(tmp_path, endpoint, act)


# Later ones say it themselves.
CUT = "in mid-answer|before a finish_reason was received"
HALVES = [scripted.stream(chunk({"content": "half"})), said(chunk({"content": "half"}))]


@pytest.mark.parametrize("act", HALVES)
def test_a_stream_that_ends_without_saying_why_is_an_error(endpoint: Endpoint, act: scripted.Act) -> None:
    model, asked = plain(endpoint.lane(act).base)
    with pytest.raises((BrokenReply, Unreachable), match=CUT):
        run(pieces(model, asked))


@hidden_by_old_routers
@pytest.mark.parametrize("act", HALVES)
def test_it_is_an_error_behind_a_router_too(tmp_path: Path, endpoint: Endpoint, act: scripted.Act) -> None:
    with pytest.raises((BrokenReply, Unreachable), match=CUT):
        heard(tmp_path, endpoint, act)


@hidden_by_old_routers
def test_a_fallback_of_a_router_is_judged_by_its_own_end(tmp_path: Path, endpoint: Endpoint) -> None:
    first, spare = endpoint.lane(scripted.stream(end=False)), endpoint.lane(answering("yes"))
    path = config(tmp_path, first.base, fallbacks=[{"group": ["spare"]}])
    told = json.loads(path.read_text())
    params = {**told["model_list"][0]["litellm_params"], "api_base": spare.base}
    told["model_list"].append({"model_name": "spare", "litellm_params": params})
    path.write_text(json.dumps(told))
    assert run(_once(path))[0] == Said("yes")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_plain_model_is_asked_once(endpoint: Endpoint, status: int) -> None:
    lane = endpoint.lane(refusal(status, "no"))
    model, asked = plain(lane.base)
    with pytest.raises(Refused):
        run(pieces(model, asked))
    assert len(lane.asked) == 1


def test_a_router_tries_again_as_it_is_set_up(tmp_path: Path, endpoint: Endpoint) -> None:
    lane = endpoint.lane(refusal(500, "no"), answering("yes"))

    async def scene() -> list[Piece]:
        path = config(tmp_path, lane.base, num_retries=1, retry_after=0, disable_cooldowns=True)
        return await pieces(await of(path))

    assert run(scene())[0] == Said("yes")
    assert len(lane.asked) == 2


def test_tools_and_parameters_are_sent_and_the_callers_messages_stay(tmp_path: Path, endpoint: Endpoint) -> None:
    lane = endpoint.lane(answering("a"))
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    messages = [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]

    async def scene() -> None:
        asked = Asked(messages, (tool,), {"temperature": 0.5, "stream": False})
        await pieces(await of(config(tmp_path, lane.base)), asked)

    run(scene())
    sent = lane.asked[0].json
    assert (sent["tools"], sent["temperature"], sent["stream"], sent["model"]) == ([tool], 0.5, True, "m")
    assert sent["stream_options"] == {"include_usage": True}
    assert messages == [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]


def test_without_tools_none_are_offered(tmp_path: Path, endpoint: Endpoint) -> None:
    lane = endpoint.lane(answering("a"))
    run(_once(config(tmp_path, lane.base)))
    assert "tools" not in lane.asked[0].json


async def _once(path: Path) -> list[Piece]:
    return await pieces(await of(path))


@pytest.mark.parametrize("how", ["cancel", "close"])
@pytest.mark.parametrize("routed", [True, False])
def test_whoever_has_heard_enough_closes_the_connection(
    tmp_path: Path, endpoint: Endpoint, how: str, routed: bool
) -> None:
    lane = endpoint.lane(scripted.stream_then(scripted.hang(20), chunk({"content": "a"})))

    async def scene() -> None:
        model, asked = (await of(config(tmp_path, lane.base)), HI) if routed else plain(lane.base)
        answer = model.ask(asked)
        assert await anext(answer) == Said("a")
        if how == "cancel":
            waiting = asyncio.ensure_future(anext(answer))
            assert not (await asyncio.wait([waiting], timeout=0.1))[0]
            waiting.cancel()
            await asyncio.wait([waiting], timeout=10)
            assert waiting.cancelled()
        await answer.aclose()
        assert await asyncio.to_thread(lane.left.wait, 10)

    run(scene())


def test_one_that_hangs_before_its_first_word_can_be_cancelled(endpoint: Endpoint) -> None:
    lane = endpoint.lane(scripted.hang(20))

    async def scene() -> None:
        waiting = asyncio.ensure_future(pieces(*plain(lane.base)))
        assert not (await asyncio.wait([waiting], timeout=1))[0]
        waiting.cancel()
        await asyncio.wait([waiting], timeout=10)
        assert waiting.cancelled() and await asyncio.to_thread(lane.left.wait, 10)

    run(scene())


def test_a_name_that_nobody_knows_is_no_model() -> None:
    with pytest.raises(NoSuchModel, match="no provider for the model 'nosuch'"):
        run(of(None, "nosuch"))
