"""No secret that a server meets is told: not in a log, a file, an event, a reply, a metric, or its command line."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from litellm_codex_agent.errors import mask

from .planted import CONTENT, SECRETS, Scene, scene

PLACES = ("argv", "event", "log", "metric", "ready", "recording", "reply", "state")
# A secret that is shown in part is shown: its masks have four letters of its end.
SHOWN = 12


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with scene(tmp_path_factory.mktemp("planted")) as found:
        yield found


def test_all_places_have_been_looked_into(played: Scene) -> None:
    assert set(played.told) == set(PLACES)
    assert all(len(data) > 100 for place, data in played.told.items() if place != "argv")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", [*SECRETS, "the key of the operator"])
def test_a_secret_is_not_told(played: Scene, name: str, place: str) -> None:
    secret = SECRETS.get(name, played.operator_key)
    assert secret and secret[-SHOWN:].encode() not in played.told[place]


@pytest.mark.parametrize("place", ["event", "recording", "reply", "state"])
@pytest.mark.parametrize(
    "name", ["the key of the server", "the key of a caller", "a header for tools", "the key of an upstream"]
)
def test_what_was_struck_out_had_been_there(played: Scene, name: str, place: str) -> None:
    shown = mask(SECRETS[name])
    assert shown.encode() in played.told[place] or json.dumps(shown)[1:-1].encode() in played.told[place]


def test_the_log_holds_nothing_of_what_was_said(played: Scene) -> None:
    assert CONTENT.encode() not in played.told["log"]


def test_the_log_tells_of_each_fault_where_it_was(played: Scene) -> None:
    log = played.told["log"].decode()
    assert log.count("its backend raised") == 2 * 6 and log.count("A request failed.") == 2
    assert log.count("scripted.py") >= 14
