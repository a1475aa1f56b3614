"""Which headers go to a tools' server: by the rules, and on the wire."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from litellm_codex_agent.tools.headers import NEVER, merged
from litellm_codex_agent.tools.source import ToolsUnavailable

from .opening import calling
from .tool_server import ToolServer, serving, told

# Written a second time: a list that is compared with itself is right whatever it says.
NEVER_PASSED = (
    "connection",
    "content-length",
    "cookie",
    "cookie2",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
)


@pytest.fixture
def server() -> Iterator[ToolServer]:
    with serving() as running:
        yield running


def test_the_requests_headers_stand_over_the_operators_whatever_their_case() -> None:
    defaults = {"Authorization": "Bearer operator", "X-Team": "blue", "x-other": "1"}
    assert merged(defaults, {"AUTHORIZATION": "Bearer caller", "X-OTHER": "2"}) == {
        "X-Team": "blue",
        "AUTHORIZATION": "Bearer caller",
        "X-OTHER": "2",
    }


def test_nothing_is_changed_that_was_given() -> None:
    defaults, asked = {"A": "1"}, {"a": " 2\t"}
    assert merged(defaults, asked) == {"a": "2"}
    assert (defaults, asked) == ({"A": "1"}, {"a": " 2\t"})


@pytest.mark.parametrize("name", [*sorted(NEVER), "HOST", "Cookie"])
def test_a_connections_own_header_is_refused_by_its_name(name: str) -> None:
    with pytest.raises(ToolsUnavailable, match=f"`tool_http_headers` has {name},") as caught:
        merged({}, {"Accept": "a", name: "x"})
    assert caught.value.status == 400
    with pytest.raises(ToolsUnavailable, match="MINI_AGENT_TOOL_HTTP_HEADERS") as caught:
        merged({name: "x"}, {})
    assert caught.value.status == 500


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nb", "a\rb", "a\0b", "a\x1bb", "a\x7fb"])
def test_a_value_with_a_control_character_is_refused_without_showing_it(value: str) -> None:
    with pytest.raises(ToolsUnavailable, match="control character in the value of X-Key") as caught:
        merged({}, {"X-Key": value})
    assert value not in str(caught.value)


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\n", "ä", "(a)"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ToolsUnavailable, match="no header's name"):
        merged({}, {name: "x"})


def test_a_name_in_two_cases_and_too_much_are_refused() -> None:
    with pytest.raises(ToolsUnavailable, match="twice"):
        merged({}, {"A": "1", "a": "2"})
    with pytest.raises(ToolsUnavailable, match="32,768 bytes"):
        merged({}, {"A": "ä" * 16_384})
    assert merged({}, {"A": "x" * 32_767})


def test_the_casing_is_kept_on_the_wire(server: ToolServer) -> None:
    calling(server.url, "echo", headers={"X-MiXeD": "One", "x-word": "ä"}, defaults={"X-TEAM": "blue", "x-mixed": "no"})
    for seen in server.seen:
        assert {("X-MiXeD", "One"), ("X-TEAM", "blue"), ("x-word", "ä")} <= {
            (name, value.encode("latin-1").decode()) for name, value in seen.headers
        }
        assert [name.lower() for name, _ in seen.headers].count("x-mixed") == 1


@pytest.mark.parametrize(
    ("headers", "defaults", "sent"),
    [
        ({}, {}, None),
        ({"authorization": "Bearer caller"}, {}, "Bearer caller"),
        ({}, {"Authorization": "Bearer operator"}, "Bearer operator"),
        ({"authorization": "Bearer caller"}, {"Authorization": "Bearer operator"}, "Bearer caller"),
    ],
)
def test_authorization_is_sent_only_where_it_was_asked_for(
    server: ToolServer, headers: dict[str, str], defaults: dict[str, str], sent: str | None
) -> None:
    calling(server.url, "echo", headers=headers, defaults=defaults)
    assert [seen.header("Authorization") for seen in server.seen] == [sent, sent]


def test_a_cookie_of_a_reply_is_never_sent_back(server: ToolServer) -> None:
    server.plays["tools"] = [told([{"name": "echo"}], Set_Cookie="who=me; Path=/")]
    calling(server.url, "echo")
    assert [seen.header("Cookie") for seen in server.seen] == [None, None]


def test_what_a_request_asks_for_goes_before_our_own(server: ToolServer) -> None:
    calling(server.url, "echo", headers={"user-agent": "mine/1", "Idempotency-Key": "k"})
    assert {seen.header("User-Agent") for seen in server.seen} == {"mine/1"}
    assert server.calls("echo")[0].header("Idempotency-Key") == "k"


def test_a_proxy_of_the_environment_is_not_asked(server: ToolServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert calling(server.url, "echo").ok


@pytest.mark.parametrize("name", NEVER_PASSED)
def test_each_header_of_the_connection_is_refused_by_its_name(name: str) -> None:
    with pytest.raises(ToolsUnavailable, match=f"has {name.upper()}, which is the connection's own"):
        merged({}, {name.upper(): "x"})


def test_the_list_of_those_is_whole() -> None:
    assert set(NEVER_PASSED) == NEVER


def test_where_the_operators_cannot_be_sent_its_variable_is_named() -> None:
    with pytest.raises(ToolsUnavailable, match="`MINI_AGENT_TOOL_HTTP_HEADERS` has"):
        merged({"host": "x"}, {})
