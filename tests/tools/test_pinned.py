"""Connections that go where it was checked."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from http.server import HTTPServer, SimpleHTTPRequestHandler

import httpx
import pytest

from litellm_codex_agent.tools.addresses import read
from litellm_codex_agent.tools.pinned import Pin, Pinned, context, pin
from litellm_codex_agent.tools.source import ToolsUnavailable

from .opening import PATIENCE
from .tool_server import ToolServer, serving


@pytest.fixture
def server() -> Iterator[ToolServer]:
    with serving() as running:
        yield running


def fetched(pinned: Pin, url: str) -> httpx.Response:
    async def fetch() -> httpx.Response:
        async with httpx.AsyncClient(transport=Pinned(pinned), timeout=PATIENCE) as client:
            return await client.get(url)

    return asyncio.run(fetch())


def test_the_connection_goes_to_the_address_that_was_found_whatever_the_name_means_by_then(server: ToolServer) -> None:
    url = server.url.replace("127.0.0.1", "tools.invalid")
    assert fetched(Pin(read(url, ["*"]), ("127.0.0.1",)), f"{url}/tools").status_code == 200
    assert server.seen[0].header("Host") == url.removeprefix("http://")


def test_an_address_that_takes_no_connection_gives_way_to_the_next(server: ToolServer) -> None:
    pinned = Pin(read(server.url, ["*"]), ("127.0.0.2", "::1", "127.0.0.1"))
    assert fetched(pinned, f"{server.url}/tools").status_code == 200
    assert len(server.seen) == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/tools", "https://127.0.0.1/tools", "http://localhost/tools"])
def test_another_origin_is_never_asked(server: ToolServer, url: str) -> None:
    with pytest.raises(ToolsUnavailable, match="was not sent"):
        fetched(Pin(read(server.url, ["*"]), ("127.0.0.1",)), url)


def test_a_host_that_is_not_there_is_said() -> None:
    with pytest.raises(ToolsUnavailable, match=r"nobody\.invalid was not found") as caught:
        asyncio.run(pin("http://nobody.invalid", ["*"], PATIENCE))
    assert caught.value.status == 502


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0x7f.1", "2130706433", "127.1", "0.0.0.0"])
def test_this_machine_is_not_asked_under_any_name_without_being_listed(host: str) -> None:
    with pytest.raises(ToolsUnavailable) as caught:
        asyncio.run(pin(f"http://{host}:80", ["*"], PATIENCE))
    assert caught.value.status in (400, 502)


def test_a_listed_host_is_found() -> None:
    found = asyncio.run(pin("http://127.0.0.1:9/x", ["http://127.0.0.1:9"], PATIENCE))
    assert (found.address.url, found.found) == ("http://127.0.0.1:9/x", ("127.0.0.1",))


@pytest.fixture
def secure(certificate: str) -> Iterator[int]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None: ...

    listener = HTTPServer(("127.0.0.1", 0), Quiet)
    offered = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    offered.load_cert_chain(certificate)
    listener.socket = offered.wrap_socket(listener.socket, server_side=True)
    thread = threading.Thread(target=listener.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield int(listener.server_address[1])
    listener.shutdown()
    listener.server_close()
    thread.join(5)


def test_tls_is_checked_against_the_name_and_not_the_address(
    secure: int, certificate: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", certificate)
    context.cache_clear()
    try:
        for host, verdict in (("127.0.0.1", True), ("tools.invalid", False)):
            url = f"https://{host}:{secure}/"
            pinned = Pin(read(url, ["*"]), ("127.0.0.1",))
            if verdict:
                assert fetched(pinned, url).status_code == 200
            else:
                with pytest.raises(httpx.ConnectError, match=r"tools\.invalid"):
                    fetched(pinned, url)
    finally:
        context.cache_clear()


def test_a_certificate_that_nobody_vouches_for_is_refused(secure: int) -> None:
    url = f"https://127.0.0.1:{secure}/"
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        fetched(Pin(read(url, ["*"]), ("127.0.0.1",)), url)
