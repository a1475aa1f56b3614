"""Which names are ours and which pages may ask: every spelling of a name is the same name, and no other is."""

from __future__ import annotations

import pytest

from litellm_codex_agent.server.hosts import (
    allowed_hosts,
    host_name,
    is_allowed,
    is_same_origin,
    normal_origin,
    own_name,
    reachable,
)
from litellm_codex_agent.settings import Unusable

LOOPBACK = allowed_hosts((), "127.0.0.1")


@pytest.mark.parametrize(
    ("authority", "name"),
    [
        ("localhost", "localhost"),
        ("LocalHost:8788", "localhost"),
        ("localhost.", "localhost"),
        ("localhost:", "localhost"),
        ("127.0.0.1:1", "127.0.0.1"),
        ("[::1]", "::1"),
        ("[0:0:0:0:0:0:0:1]:80", "::1"),
        ("agent_1.docker", "agent_1.docker"),
    ],
)
def test_a_name_is_read_without_its_port_and_spelling(authority: str, name: str) -> None:
    assert host_name(authority) == name


@pytest.mark.parametrize(
    "authority",
    [
        "",
        ":80",
        "a@localhost",
        "localhost/",
        "local host",
        "localhost:80:80",
        "localhost:x",
        "[::1",
        "::1",
        "ló",
        "a,b",
    ],
)
def test_what_is_no_name_is_none(authority: str) -> None:
    assert host_name(authority) == ""


@pytest.mark.parametrize(
    ("listed", "bound", "names"),
    [
        ((), "127.0.0.1", {"localhost", "127.0.0.1", "::1"}),
        ((), "0.0.0.0", {"localhost", "127.0.0.1", "::1"}),
        ((), "127.8.8.8", {"localhost", "127.0.0.1", "::1", "127.8.8.8"}),
        (("Agents.Example:443",), "::", {"agents.example"}),
        (("agents.example",), "10.0.0.1", {"agents.example", "10.0.0.1"}),
        (("FE80::1",), "", {"fe80::1"}),
        (("*",), "::1", {"*", "::1"}),
    ],
)
def test_the_names_are_those_listed_or_loopbacks_and_the_bound_address(
    listed: tuple[str, ...], bound: str, names: set[str]
) -> None:
    assert allowed_hosts(listed, bound) == names


@pytest.mark.parametrize("listed", ["http://agents.example", "*.example", "a b"])
def test_a_listed_name_that_is_none_is_refused(listed: str) -> None:
    with pytest.raises(Unusable, match="is not the name of a host"):
        allowed_hosts((listed,), "")


@pytest.mark.parametrize(
    ("authorities", "allowed"),
    [
        (["localhost:1"], True),
        (["[::1]:8788"], True),
        (["evil.example"], False),
        (["localhost.evil.example"], False),
        (["127.0.0.1.nip.io"], False),
        ([""], False),
        ([], False),
        (["localhost", "localhost"], False),
        (["localhost", "evil.example"], False),
    ],
)
def test_a_request_has_to_name_one_host_of_ours(authorities: list[str], allowed: bool) -> None:
    assert is_allowed(authorities, LOOPBACK) is allowed


@pytest.mark.parametrize("authorities", [["evil.example"], [], [""], ["a", "b"]])
def test_any_host_is_any(authorities: list[str]) -> None:
    assert is_allowed(authorities, allowed_hosts(("*",), ""))


@pytest.mark.parametrize(
    ("origin", "normal"),
    [
        ("https://App.Example/", "https://app.example"),
        ("https://app.example:443", "https://app.example"),
        ("http://app.example:80", "http://app.example"),
        ("http://app.example:443", "http://app.example:443"),
        ("http://app.example:8080", "http://app.example:8080"),
        (" vscode-webview://Abc ", "vscode-webview://abc"),
        ("null", "null"),
    ],
)
def test_origins_are_compared_as_browsers_write_them(origin: str, normal: str) -> None:
    assert normal_origin(origin) == normal


@pytest.mark.parametrize(
    ("origin", "host", "same"),
    [
        ("http://127.0.0.1:8788", "127.0.0.1:8788", True),
        ("http://LOCALHOST:8788", "localhost.:8788", True),
        ("https://agents.example", "agents.example", True),
        ("https://agents.example", "agents.example:443", True),
        ("http://agents.example", "agents.example:80", True),
        ("http://[::1]:8788", "[::1]:8788", True),
        ("http://127.0.0.1:8787", "127.0.0.1:8788", False),
        ("http://agents.example", "agents.example:443", False),
        ("http://localhost:8788", "127.0.0.1:8788", False),
        ("http://evil.example", "127.0.0.1:8788", False),
        ("file://127.0.0.1:8788", "127.0.0.1:8788", False),
        ("http://a@127.0.0.1:8788", "127.0.0.1:8788", False),
        ("http://", "", False),
        ("http://a b", "a b", False),
        ("null", "null", False),
        ("", "", False),
    ],
)
def test_a_page_of_ours_has_our_name_and_port(origin: str, host: str, same: bool) -> None:
    assert is_same_origin(origin, [host]) is same


@pytest.mark.parametrize(
    ("hosts", "name"),
    [
        ((), "localhost"),
        (("*",), "localhost"),
        (("*", "b", "a"), "a"),
        (("::1",), "[::1]"),
        (("10.0.0.1",), "10.0.0.1"),
    ],
)
def test_a_server_has_a_name_to_be_asked_by(hosts: tuple[str, ...], name: str) -> None:
    assert own_name(hosts) == name


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("http://0.0.0.0:1/a", "http://127.0.0.1:1/a"),
        ("http://[::]:1", "http://[::1]:1"),
        ("http://10.0.0.0:1", "http://10.0.0.0:1"),
    ],
)
def test_an_address_that_stands_for_all_is_asked_at_loopback(url: str, asked: str) -> None:
    assert reachable(url) == asked


def test_an_address_in_brackets_is_listed_as_it_is() -> None:
    assert allowed_hosts(("[::2]:80",), "") == {"::2"}


def test_what_is_no_name_is_none_of_ours() -> None:
    assert not is_allowed(["a@b"], {""})


def test_only_slashes_are_taken_off_an_origin() -> None:
    assert normal_origin("https://app.example/~/") == "https://app.example/~"
