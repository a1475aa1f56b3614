"""Proxies: those of the environment as it is now, by one rule for sync and async."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import litellm
import pytest

from litellm_codex_agent.errors import Misconfigured, Unreachable

from ..endpoint import Endpoint, Lane
from .calls import MODES, ask, hello
from .relays import Proxy, proxying, tls_front
from .wires import SHIPPED, fetch, greets

REFUSED = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with proxying() as running:
        yield running


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_the_proxy_of_the_environment_is_used(
    endpoint: Endpoint, proxy: Proxy, monkeypatch: pytest.MonkeyPatch, mode: str, name: str
) -> None:
    monkeypatch.setenv(name, proxy.url)
    lane = hello(endpoint)
    assert greets(mode, lane)
    assert proxy.asked[0].startswith(f"POST {lane.base}/chat/completions HTTP/1.1")


@pytest.mark.parametrize("mode", MODES)
def test_https_goes_through_the_proxy_in_a_tunnel(
    secure: Lane, certificate: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    assert greets(mode, secure, ssl_verify=certificate, api_key="sk-secret-key")
    assert proxy.asked[0].startswith("CONNECT 127.0.0.1:")
    assert "sk-secret-key" not in proxy.asked[0]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("hosts", ["127.0.0.1", "*", "example.com,127.0.0.1"])
def test_no_proxy_names_hosts_to_reach_directly(
    endpoint: Endpoint, proxy: Proxy, monkeypatch: pytest.MonkeyPatch, mode: str, hosts: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", hosts)
    assert greets(mode, hello(endpoint))
    assert proxy.asked == []


@pytest.mark.parametrize("way", SHIPPED)
def test_the_proxy_is_the_one_that_the_environment_names_now(
    endpoint: Endpoint, proxy: Proxy, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    lane = hello(endpoint)
    fetch(way, lane.base)
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    fetch(way, lane.base)
    monkeypatch.delenv("HTTP_PROXY")
    fetch(way, lane.base)
    assert (len(lane.asked), len(proxy.asked)) == (3, 1)


@pytest.mark.parametrize("way", SHIPPED)
def test_a_client_keeps_nothing_of_the_environment_that_it_was_made_in(
    endpoint: Endpoint, proxy: Proxy, monkeypatch: pytest.MonkeyPatch, certificate: str, tmp_path: Path, way: str
) -> None:
    # A file of its own gives the client of its own.
    own = shutil.copy(certificate, tmp_path)
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", "localhost")
    fetch(way, hello(endpoint).base.replace("127.0.0.1", "localhost"), tls=own)
    monkeypatch.setenv("NO_PROXY", "*")
    fetch(way, hello(endpoint).base, tls=own)
    assert proxy.asked == []


@pytest.mark.parametrize("way", SHIPPED)
def test_a_proxys_user_and_password_go_to_the_proxy_only(
    endpoint: Endpoint, proxy: Proxy, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy.url.replace("://", "://user:password@"))
    lane = hello(endpoint)
    fetch(way, lane.base)
    assert "proxy-authorization: basic dxnlcjpwyxnzd29yza==" in proxy.asked[0].lower()


@pytest.mark.parametrize("mode", ["completion", "acompletion", "streaming"])
def test_a_proxy_that_asks_for_a_password_is_a_407(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    with proxying(REFUSED) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        with pytest.raises(litellm.APIError) as raised:
            ask(mode, hello(endpoint))
    assert raised.value.status_code == 407


@pytest.mark.parametrize("way", SHIPPED)
def test_a_tunnel_that_is_refused_names_the_status_and_the_proxy(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    with proxying(REFUSED) as proxy:
        host = proxy.url.removeprefix("http://")
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:password@{host}")
        with pytest.raises(Unreachable, match=rf"407 Proxy Auth.* is the proxy {host}, by HTTP_PROXY") as raised:
            fetch(way, "https://127.0.0.1:1")
    assert "password" not in str(raised.value)


@pytest.mark.parametrize("way", SHIPPED)
def test_a_proxy_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    monkeypatch.setenv("HTTP_PROXY", "127.0.0.1:1")
    with pytest.raises(Unreachable, match=r"Errno 111.* is the proxy 127\.0\.0\.1:1, by"):
        fetch(way, "http://127.0.0.1:2")


@pytest.mark.parametrize("way", SHIPPED)
def test_a_proxy_over_tls_is_checked_by_the_calls_own_setting(
    endpoint: Endpoint, certificate: str, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    lane = hello(endpoint)
    with proxying() as proxy, tls_front(proxy.url, certificate) as front:
        monkeypatch.setenv("HTTP_PROXY", front)
        assert fetch(way, lane.base, tls=certificate).status == 200


@pytest.mark.parametrize("way", SHIPPED)
def test_a_socks_proxy_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://user:password@127.0.0.1:1")
    with pytest.raises(Misconfigured, match=r"socks5:// cannot be used.*NO_PROXY") as raised:
        fetch(way, "http://127.0.0.1:2")
    assert "password" not in str(raised.value)
