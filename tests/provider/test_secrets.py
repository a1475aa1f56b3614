"""The key is seen by the endpoint, and by nobody else."""

from __future__ import annotations

import json
from typing import Any

import litellm
import pytest
from litellm.integrations.custom_logger import CustomLogger

from ..answers import error
from ..endpoint import Connection, Endpoint, reply
from .calls import MODES, ask, hello
from .wires import request

KEY = "sk-very-secret-key-1234"
HEADERS = {"authorization": f"Bearer {KEY}", "x-api-key": KEY}


class Watcher(CustomLogger):
    """Keeps what LiteLLM shows to callbacks before a call."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[dict[str, Any]] = []

    def log_pre_api_call(self, model: str, messages: Any, kwargs: Any) -> None:
        self.seen.append(kwargs["additional_args"])


def test_a_request_that_is_printed_shows_no_key() -> None:
    printed = request("http://127.0.0.1:1", headers=HEADERS, secrets=(KEY,), body={"key": KEY}, params={"key": KEY})
    assert KEY not in repr(printed)


@pytest.mark.parametrize("mode", ["completion", "acompletion", "streaming"])
def test_an_endpoint_that_quotes_the_key_in_its_refusal_does_not_spread_it(endpoint: Endpoint, mode: str) -> None:
    lane = endpoint.lane(reply(error(f"no such key: {KEY}"), status=401))
    with pytest.raises(litellm.AuthenticationError, match="no such key: sk-…1234") as raised:
        ask(mode, lane, api_key=KEY)
    assert KEY not in f"{raised.value!r} {raised.value} {vars(raised.value)}"


@pytest.mark.parametrize("mode", ["completion", "acompletion"])
def test_an_endpoint_that_sends_the_key_back_in_garbage_does_not_spread_it(endpoint: Endpoint, mode: str) -> None:
    def parrot(connection: Connection) -> None:
        connection.send(f"{KEY} is no status line\r\n\r\n".encode())
        connection.keep = False

    with pytest.raises(litellm.InternalServerError, match="connection broke") as raised:
        ask(mode, endpoint.lane(parrot), api_key=KEY)
    assert KEY not in f"{raised.value!r} {raised.value} {vars(raised.value)}"


@pytest.mark.parametrize("mode", MODES)
def test_callbacks_see_the_headers_with_the_key_masked(endpoint: Endpoint, mode: str) -> None:
    watcher = Watcher()
    litellm.callbacks = [watcher]
    ask(mode, hello(endpoint), api_key=KEY, extra_headers={"X-Api-Key": KEY, "X-Team": "blue"})
    shown = watcher.seen[-1]["headers"]
    assert (shown["authorization"], shown["x-api-key"], shown["x-team"]) == ("Bearer sk-…1234", "sk-…1234", "blue")
    assert KEY not in json.dumps(watcher.seen, default=str)
