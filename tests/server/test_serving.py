"""How the server starts and how it ends: one line when it is up, one sentence when it cannot be, and in time."""

from __future__ import annotations

import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator

import pytest

from litellm_codex_agent.server.listening import Bind, check_bind, listen, url_of, why_not
from litellm_codex_agent.settings import Unusable

from .processes import STOP_SECONDS, Served, answer, everything, get, post, serving, start

BOTH = pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
LOOPS = pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
# Beyond the drain's own time, on a busy machine.
LATE = 3.0
FLUSH = 0.5


def begin_drain(served: Served, sign: int = signal.SIGTERM) -> None:
    served.process.send_signal(sign)
    assert served.process.stdout is not None
    assert served.process.stdout.readline() == "draining\n"


# The end


@LOOPS
@BOTH
def test_a_signal_drains_and_the_server_has_done_its_work(sign: int, loop: str) -> None:
    with serving(loop=loop) as served:
        assert served.end(sign) == (0, "draining\n", "")


@BOTH
def test_while_it_drains_it_goes_on_answering(sign: int) -> None:
    with serving(drain=1) as served, served.connect() as kept:
        begin_drain(served, sign)
        for path, status in (("/health", 200), ("/ready", 503), ("/size", 405)):
            kept.sendall(get(path))
            assert answer(kept)[0] == status
            assert served.ask(get(path, "Connection: close")).startswith(b"HTTP/1.1 %d" % status)
        assert served.end()[0] == 0


def test_a_stream_is_told_its_end_before_the_server_goes() -> None:
    with serving() as served, served.connect() as client:
        client.sendall(get("/stream"))
        assert client.recv(65_536)
        begin_drain(served)
        assert b"data: shutdown" in everything(client)
        assert served.end()[0] == 0


@LOOPS
@pytest.mark.parametrize("path", ["/stream", "/flood"])
def test_a_client_that_holds_its_stream_open_does_not_hold_the_process(path: str, loop: str) -> None:
    with serving(stubborn=True, loop=loop, limits={"flush": FLUSH}) as served, served.connect() as client:
        client.sendall(get(path))
        assert client.recv(1)
        began = time.monotonic()
        status, _, logged = served.end(signal.SIGTERM)
    assert (status, "Traceback" in logged) == (0, False)
    assert FLUSH < time.monotonic() - began < FLUSH + LATE


def test_a_route_that_never_lets_go_of_the_loop_does_not_hold_the_process() -> None:
    with serving(hang=True, drain=0, limits={"flush": 0, "last": 1}) as served, served.connect() as client:
        client.sendall(get("/flood"))
        assert client.recv(1)
        assert served.end(signal.SIGTERM)[0] == 1


def test_nor_does_it_where_a_second_signal_comes() -> None:
    with serving(hang=True, drain=60, limits={"at_once": 0.5}) as served:
        with served.connect() as client:
            client.sendall(get("/flood"))
            assert client.recv(1)
            begin_drain(served)
        # With its client gone, the route has the loop for itself.
        assert served.end(signal.SIGTERM)[0] == 128 + signal.SIGTERM


def test_clients_that_are_idle_or_half_done_do_not_hold_it_either() -> None:
    limits = {"flush": FLUSH}
    with serving(limits=limits) as served, served.connect() as idle, served.connect() as half, served.connect() as body:
        idle.sendall(get("/ready"))
        assert answer(idle)[0] == 200
        half.sendall(b"GET /")
        body.sendall(post("/unread", b"x" * 99)[:-9])
        began = time.monotonic()
        assert served.end(signal.SIGTERM)[0] == 0
    assert time.monotonic() - began < FLUSH + LATE


@LOOPS
@BOTH
def test_a_second_signal_ends_it_at_once(sign: int, loop: str) -> None:
    with serving(drain=60, stubborn=True, loop=loop) as served, served.connect() as client:
        client.sendall(get("/stream"))
        assert client.recv(1)
        begin_drain(served, sign)
        began = time.monotonic()
        assert served.end(sign)[0] == 128 + sign
    assert time.monotonic() - began < 3 + LATE


def test_a_drain_that_fails_is_logged_without_the_key_and_the_server_ends() -> None:
    with serving(drain_fails=True, key="sk-the-key-of-the-server") as served:
        status, _, logged = served.end(signal.SIGTERM)
    assert (status, logged.count("Traceback")) == (1, 1)
    assert "sk-the-key-of-the-server" not in logged


# The beginning


def run(**options: object) -> tuple[int, str, str]:
    with tempfile.TemporaryFile("a+") as log, start(log, **options) as process:
        try:
            out, _ = process.communicate(timeout=STOP_SECONDS)
        finally:
            process.kill()
        log.seek(0)
        return process.returncode, out, log.read()


def test_a_port_that_is_taken_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        told = f"codex-agent serve: port {port} of 127.0.0.1 is taken. "
        status, out, err = run(port=port)
    assert (status, out) == (1, "")
    assert err == told + "Stop the program that has it, or choose another with --port.\n"


def test_a_host_that_is_none_is_one_sentence() -> None:
    status, out, err = run(host="256.256.256.256", key="k")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("codex-agent serve: cannot listen on port 0 of 256.256.256.256: ")


def test_a_signal_while_it_starts_ends_it_before_it_serves() -> None:
    with tempfile.TemporaryFile("a+") as log, start(log, start=0.5) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "starting\n"
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=STOP_SECONDS)
    assert (process.returncode, "draining" in out) == (0, False)


def test_an_app_that_does_not_start_is_logged_without_its_secrets() -> None:
    status, out, err = run(start_fails=True)
    assert (status, out, err.count("Traceback")) == (1, "", 1)
    assert "sk-…rver in the text of an error" in err


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "10.0.0.1", "agents.example"])
def test_where_others_reach_it_it_does_not_start_without_a_key(host: str) -> None:
    with pytest.raises(Unusable, match="other machines can reach, so a key is needed: set CODEX_AGENT_SERVER_KEY"):
        check_bind(Bind(host, 0))
    check_bind(Bind(host, 0, "sk-1"))


def test_serve_itself_keeps_that_rule() -> None:
    status, out, err = run(host="0.0.0.0")
    assert (status, out) == (1, "")
    assert "'0.0.0.0', which other machines can reach" in err


def test_with_a_key_it_listens_for_others() -> None:
    with serving(host="0.0.0.0", key="sk-1") as served:
        assert served.ask(get("/size", "Connection: close")).startswith(b"HTTP/1.1 401 ")


@pytest.fixture
def ipv6() -> Iterator[None]:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    yield


@pytest.mark.usefixtures("ipv6")
def test_it_listens_on_ipv6_and_says_so_in_brackets() -> None:
    with serving(host="::1") as served:
        assert served.host == "::1"
        assert served.ask(get("/ready", "Connection: close", host="[::1]:1")).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_every_url_of_a_host_has_the_same_port(host: str) -> None:
    listeners = listen(host, 0)
    for listener in listeners:
        listener.close()
    assert len(listeners) >= 1


def of_addresses(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """A resolver that finds these, as `localhost` may be two."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)


def test_an_address_that_the_machine_lacks_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    of_addresses(monkeypatch, "192.0.2.1", "127.0.0.1")
    (listener,) = listen("localhost", 0)
    with listener:
        assert listener.getsockname()[0] == "127.0.0.1"


@pytest.mark.skipif(sys.platform != "linux", reason="all of 127.0.0.0/8 is this machine")
def test_no_address_is_listened_on_where_one_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.2", 0)) as other:
        port = other.getsockname()[1]
        of_addresses(monkeypatch, "127.0.0.1", "127.0.0.2")
        with pytest.raises(OSError) as failed:
            listen("localhost", port)
    assert "is taken" in why_not(failed.value, "localhost", port)
    socket.create_server(("127.0.0.1", port)).close()


def test_an_address_that_is_not_of_this_machine_is_said_to_be_none() -> None:
    with pytest.raises(OSError) as failed:
        listen("192.0.2.1", 0)
    assert why_not(failed.value, "192.0.2.1", 80) == (
        "cannot listen on port 80 of 192.0.2.1: Cannot assign requested address."
    )


@pytest.mark.parametrize(
    ("error", "told"),
    [(OSError(13, "Permission denied"), "Permission denied"), (OSError("?"), "the system does not say why")],
)
def test_why_is_always_one_sentence(error: OSError, told: str) -> None:
    assert why_not(error, "h", 1) == f"cannot listen on port 1 of h: {told}."


def test_an_address_can_be_asked_as_it_is_printed() -> None:
    (listener,) = listen("127.0.0.1", 0)
    with listener:
        assert url_of(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_it_takes_as_many_open_files_as_it_may_have() -> None:
    from pathlib import Path

    with serving(descriptors=256) as served:
        limits = Path(f"/proc/{served.process.pid}/limits").read_text()
    soft, hard = next(line.split()[3:5] for line in limits.splitlines() if line.startswith("Max open files"))
    assert int(soft) == min(int(hard), 8192)
