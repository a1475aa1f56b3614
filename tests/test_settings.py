"""Every variable is a row, read anew at each call, and what cannot be meant is refused by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from litellm_codex_agent import settings
from litellm_codex_agent.settings import (
    VARIABLES,
    ProviderSettings,
    Unusable,
    is_loopback,
    is_on,
    open_gate,
    provider,
    proxy_for,
    server,
    tls_verification,
)

GATE = settings.GATE


@pytest.mark.parametrize("text", ["1", "true", "yes", "on", "TRUE", " On\n"])
def test_a_flag_is_on_by_four_words(text: str) -> None:
    assert is_on(text)


@pytest.mark.parametrize("text", ["", "0", "false", "no", "off", "2", "enabled", "y", "t"])
def test_a_flag_is_off_by_anything_else(text: str) -> None:
    assert not is_on(text)


# The provider


def test_the_provider_is_closed_and_knows_nothing_where_nothing_is_set() -> None:
    assert provider({}) == ProviderSettings(enabled=False, api_base="", api_key="", join_text=False)


def test_the_provider_reads_its_variables_without_the_space_around_them() -> None:
    environ = {GATE: " yes ", "CODEX_AGENT_API_BASE": " http://h\n", "CODEX_AGENT_API_KEY": " sk-1\n"}
    assert provider(environ) == ProviderSettings(enabled=True, api_base="http://h", api_key="sk-1", join_text=False)


@pytest.mark.parametrize(
    ("text", "joins"), [("", False), (" ", False), ("off", False), (" NO\n", False), ("0", False), (" On ", True)]
)
def test_text_is_joined_where_it_is_asked_for(text: str, joins: bool) -> None:
    assert provider({"CODEX_AGENT_JOIN_TEXT": text}).join_text is joins


@pytest.mark.parametrize("text", ["2", "maybe", "on,off"])
def test_a_flag_that_is_neither_on_nor_off_is_refused_by_name(text: str) -> None:
    with pytest.raises(Unusable, match=rf"^CODEX_AGENT_JOIN_TEXT is '{text}', .*, as in CODEX_AGENT_JOIN_TEXT=on\.$"):
        provider({"CODEX_AGENT_JOIN_TEXT": text})


def test_the_gate_does_what_its_variable_says_now() -> None:
    environ: dict[str, str] = {}
    before = provider(environ).enabled
    environ[GATE] = "1"
    assert (before, provider(environ).enabled) == (False, True)


def test_the_process_own_environment_is_read_where_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODEX_AGENT_API_BASE", "http://own")
    monkeypatch.setenv("MINI_AGENT_API_HOST", "own")
    monkeypatch.setenv("SSL_VERIFY", "/own.pem")
    assert (provider().api_base, server().host, tls_verification()) == ("http://own", "own", "/own.pem")


def test_a_key_is_in_no_print_of_the_settings() -> None:
    assert "sk-1" not in repr(provider({"CODEX_AGENT_API_KEY": "sk-1"}))


def test_a_setting_that_cannot_be_used_is_a_value_error() -> None:
    assert issubclass(Unusable, ValueError)


def test_our_own_programs_open_the_gate_and_look_up_no_prices() -> None:
    environ: dict[str, str] = {}
    open_gate(environ)
    assert environ == {GATE: "1", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}


def test_our_own_programs_leave_the_choice_of_prices_alone() -> None:
    environ = {GATE: "0", "LITELLM_LOCAL_MODEL_COST_MAP": "False"}
    open_gate(environ)
    assert environ == {GATE: "1", "LITELLM_LOCAL_MODEL_COST_MAP": "False"}


# Who can reach an address


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1"])
def test_only_this_machine_reaches_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["", "0.0.0.0", "::", "10.0.0.1", "agents.example", "localhost.example", "127.0.0.1.example"]
)
def test_any_other_host_is_not_loopback(host: str) -> None:
    assert is_loopback(host) is False


# Certificates


@pytest.mark.parametrize(
    ("chosen", "environ", "verify"),
    [
        (None, {}, True),
        (None, {"SSL_VERIFY": "False"}, False),
        (None, {"SSL_VERIFY": " off "}, False),
        (None, {"SSL_VERIFY": "0"}, False),
        (None, {"SSL_VERIFY": "no"}, False),
        (None, {"SSL_VERIFY": "true"}, True),
        (None, {"SSL_VERIFY": ""}, True),
        (None, {"SSL_VERIFY": " "}, True),
        (None, {"SSL_VERIFY": "/ca.pem"}, "/ca.pem"),
        (None, {"SSL_VERIFY": " /Ca.pem\n"}, "/Ca.pem"),
        (None, {"SSL_CERT_FILE": "/file.pem"}, "/file.pem"),
        (None, {"SSL_CERT_FILE": " "}, True),
        (None, {"SSL_VERIFY": "yes", "SSL_CERT_FILE": "/file.pem"}, "/file.pem"),
        (None, {"SSL_VERIFY": "/ca.pem", "SSL_CERT_FILE": "/file.pem"}, "/ca.pem"),
        (None, {"SSL_VERIFY": "false", "SSL_CERT_FILE": "/file.pem"}, False),
        (True, {"SSL_VERIFY": "false"}, True),
        (False, {"SSL_VERIFY": "true"}, False),
        ("false", {}, False),
        ("on", {"SSL_CERT_FILE": "/file.pem"}, "/file.pem"),
        ("/own.pem", {"SSL_VERIFY": "false"}, "/own.pem"),
        ("", {"SSL_VERIFY": "false"}, True),
    ],
)
def test_certificates_are_checked_as_the_nearest_says(
    chosen: object, environ: dict[str, str], verify: bool | str
) -> None:
    assert tls_verification(chosen, environ) == verify


# The way out

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "request_method")


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.usefixtures("no_proxies")
@pytest.mark.parametrize(
    ("environ", "url", "proxy"),
    [
        ({}, "http://h", None),
        ({"NO_PROXY": "g"}, "http://h", None),
        ({"HTTP_PROXY": "http://p:1"}, "http://h", "http://p:1"),
        ({"HTTP_PROXY": "http://p:1"}, "https://h", None),
        ({"HTTPS_PROXY": "http://p:1"}, "https://h", "http://p:1"),
        ({"https_proxy": "http://p:1"}, "https://h", "http://p:1"),
        ({"ALL_PROXY": "http://p:1"}, "https://h", "http://p:1"),
        ({"ALL_PROXY": "http://p:1", "HTTP_PROXY": "http://p:2"}, "http://h", "http://p:2"),
        ({"HTTP_PROXY": "http://p:1", "NO_PROXY": "h"}, "http://h:8788/v1", None),
        ({"HTTP_PROXY": "http://p:1", "NO_PROXY": "h:8788"}, "http://h:8788/v1", None),
        ({"HTTP_PROXY": "http://p:1", "NO_PROXY": "h:1"}, "http://h:8788/v1", "http://p:1"),
        ({"HTTP_PROXY": "http://p:1", "NO_PROXY": ".example"}, "http://a.example", None),
        ({"HTTP_PROXY": "http://p:1", "NO_PROXY": "*"}, "http://h", None),
        ({"HTTP_PROXY": "p:1"}, "http://h", "http://p:1"),
    ],
)
def test_the_proxy_is_the_one_that_the_environment_names(
    environ: dict[str, str], url: str, proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(url) == proxy


# The table


class Asked(Mapping[str, str]):
    """An empty environment that remembers what it was asked for."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("the environment is asked by name")

    __len__ = None  # type: ignore[assignment]  # nor counted


def test_every_variable_that_is_read_has_its_row() -> None:
    asked = Asked()
    provider(asked), server(asked), tls_verification(None, asked)
    rows = {name for row in VARIABLES for name in row.name.split(", ")}
    assert asked.names == rows - {name.upper() for name in PROXIES}


@pytest.mark.parametrize(
    ("name", "default"),
    [
        (GATE, "off"),
        ("CODEX_AGENT_JOIN_TEXT", "on" if provider({}).join_text else "off"),
        ("SSL_VERIFY", str(tls_verification(None, {})).lower()),
    ],
)
def test_a_row_shows_the_default_that_is_used(name: str, default: str) -> None:
    assert [row.default for row in VARIABLES if row.name == name] == [default]


def test_no_variable_and_no_flag_has_two_rows() -> None:
    names, flags = [row.name for row in VARIABLES], [row.flag for row in VARIABLES if row.flag]
    assert (len(set(names)), len(set(flags))) == (len(names), len(flags))


def test_every_row_says_what_its_variable_means() -> None:
    assert all(row.meaning for row in VARIABLES)
