"""An endpoint's address is taken in every shape that people write, and refused without a secret in the sentence."""

from __future__ import annotations

import pytest

from litellm_codex_agent.errors import Misconfigured
from litellm_codex_agent.wire.chat import completions_url, sibling_url

URLS = {
    "http://h:8788": "http://h:8788/v1/chat/completions",
    "http://h/": "http://h/v1/chat/completions",
    "http://h/v1": "http://h/v1/chat/completions",
    "http://h/v1/": "http://h/v1/chat/completions",
    "http://h/v1/chat/completions": "http://h/v1/chat/completions",
    "http://h/v1/chat/completions/": "http://h/v1/chat/completions",
    "http://h/chat/completions": "http://h/chat/completions",
    "http://h/agents": "http://h/agents/v1/chat/completions",
    "http://h/agents/v1": "http://h/agents/v1/chat/completions",
    "http://h/dev1": "http://h/dev1/v1/chat/completions",
    "http://h/a@b": "http://h/a@b/v1/chat/completions",
    "https://h/v1?key=1": "https://h/v1/chat/completions?key=1",
    "https://h?key=1": "https://h/v1/chat/completions?key=1",
    "https://h/v1#top": "https://h/v1/chat/completions",
    "HTTPS://h": "https://h/v1/chat/completions",
    "  http://h\n": "http://h/v1/chat/completions",
    "http://[::1]:8788": "http://[::1]:8788/v1/chat/completions",
}


@pytest.mark.parametrize(("base", "url"), URLS.items())
def test_a_base_in_any_shape_becomes_the_chat_route(base: str, url: str) -> None:
    assert completions_url(base) == url


@pytest.mark.parametrize("url", URLS.values())
def test_the_chat_route_is_its_own_base(url: str) -> None:
    assert completions_url(url) == url


NO_ADDRESSES = [
    "",
    " ",
    "h",
    "h:8788",
    "//h/v1",
    "/v1",
    "ftp://h",
    "http:h",
    "http://",
    "http://:8788",
    "http:///v1",
    "http://h:port",
    "http://h:99999",
    "http://h:0",
    "http://[::1",
    "http://\u2100.example",
    "http://h\0/v1",
    "http://h/v\n1",
    "http://h/" + "x" * 2_048,
]


@pytest.mark.parametrize("base", NO_ADDRESSES)
def test_a_base_that_is_no_address_is_refused_with_an_example(base: str) -> None:
    with pytest.raises(Misconfigured, match=r"^api_base '.*' is not the address of an endpoint") as caught:
        completions_url(base)
    assert "http://127.0.0.1:8788" in caught.value.hint


def test_an_address_may_be_of_2048_characters_and_not_of_one_more() -> None:
    base = "http://h/v1?" + "x" * (2_048 - len("http://h/v1?"))
    assert completions_url(base).endswith("xxx")
    with pytest.raises(Misconfigured):
        completions_url(base + "x")


def test_a_base_that_is_no_address_is_shown_cut() -> None:
    with pytest.raises(Misconfigured) as caught:
        completions_url("x" * 100_000)
    assert "'xxx" in caught.value.message
    assert len(caught.value.message) < 300


@pytest.mark.parametrize("base", ["http://me:pa55word@h/v1", "http://pa55word@h", "https://@h"])
def test_a_password_in_the_address_is_refused(base: str) -> None:
    with pytest.raises(Misconfigured, match="holds a user name or password") as caught:
        completions_url(base)
    assert "api_key" in caught.value.hint


@pytest.mark.parametrize(
    "base",
    ["me:pa55word@h", "ftp://me:pa55word@h", "http://me:pa55word@h:port", "http://me:pa55word@[::1", "h?key=pa55word"],
)
def test_a_base_that_is_no_address_shows_no_password(base: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        completions_url(base)
    assert "pa55word" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "route", "sibling"),
    [
        ("http://h/v1/chat/completions", "/v1/models", "http://h/v1/models"),
        ("http://h/v1/chat/completions", "/ready", "http://h/ready"),
        ("http://h/chat/completions", "/ready", "http://h/ready"),
        ("https://h/agents/v1/chat/completions?key=1", "/ready", "https://h/agents/ready?key=1"),
    ],
)
def test_a_sibling_stands_beside_the_chat_route(url: str, route: str, sibling: str) -> None:
    assert sibling_url(url, route) == sibling
