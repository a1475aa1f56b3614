"""What may stand between a client and its endpoint, on loopback sockets: a proxy, a TLS front, a wall."""

from __future__ import annotations

import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

# A relay that hangs must not hang the tests.
RELAY_SECONDS = 10.0
# Between two tries to reach a server that is starting.
POLL_SECONDS = 0.05

Serve = Callable[[socket.socket], None]


@dataclass
class Proxy:
    """A forwarding proxy, and the heads of what it was asked."""

    url: str
    asked: list[str] = field(default_factory=list)


class Cable:
    """A way to a server that can be pulled out: what is under way breaks, and what comes later goes through again."""

    def __init__(self, endpoint: str) -> None:
        self.target = urlsplit(endpoint).netloc
        self.url = ""
        self.connections = 0
        self._plugged: set[socket.socket] = set()

    def serve(self, sock: socket.socket) -> None:
        self.connections += 1
        with _reached(self.target) as upstream:
            both = {sock, upstream}
            self._plugged |= both
            try:
                _both_ways(sock, upstream)
            finally:
                self._plugged -= both

    def pull(self) -> None:
        for sock in list(self._plugged):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


@contextmanager
def cable(endpoint: str) -> Iterator[Cable]:
    """A cable to `endpoint`; a server that is not up is waited for."""
    way = Cable(endpoint)
    with listening(way.serve) as port:
        way.url = f"http://127.0.0.1:{port}"
        yield way


@contextmanager
def listening(serve: Serve) -> Iterator[int]:
    """The port of a server that gives each connection to `serve`, in a thread of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, serve), daemon=True).start()
        yield listener.getsockname()[1]


@contextmanager
def proxying(answer: bytes = b"", scheme: str = "http") -> Iterator[Proxy]:
    """A proxy that forwards, or says `answer` to all."""
    proxy = Proxy("")

    def serve(sock: socket.socket) -> None:
        head = _head(sock)
        proxy.asked.append(head.decode())
        if answer:
            return sock.sendall(answer)
        method, target, _ = head.decode().split(" ", 2)
        if method == "CONNECT":
            sock.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            return _forward(sock, target, b"")
        host = urlsplit(target).netloc
        return _forward(sock, host, head.replace(f"http://{host}".encode(), b"", 1))

    with listening(serve) as port:
        proxy.url = f"{scheme}://127.0.0.1:{port}"
        yield proxy


@contextmanager
def tls_front(endpoint: str, certificate: str) -> Iterator[str]:
    """The https address of an endpoint that speaks http."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    target = urlsplit(endpoint)

    def serve(sock: socket.socket) -> None:
        with (
            context.wrap_socket(sock, server_side=True) as tls,
            socket.create_connection((str(target.hostname), int(target.port or 0)), RELAY_SECONDS) as upstream,
        ):
            _exchange(tls, upstream)

    with listening(serve) as port:
        yield f"https://127.0.0.1:{port}"


def _exchange(tls: ssl.SSLSocket, upstream: socket.socket) -> None:
    """Both directions in one thread: two threads may not use one SSL object."""
    # Not `select.select`, which knows no number above 1,024, and a long run of tests has more files open.
    with selectors.DefaultSelector() as selector:
        to = {tls: upstream, upstream: tls}
        for source in to:
            selector.register(source, selectors.EVENT_READ)
        while ready := [tls] if tls.pending() else [key.fileobj for key, _ in selector.select(RELAY_SECONDS)]:
            for source in ready:
                data = source.recv(65536)
                if not data:
                    return
                to[source].sendall(data)


@contextmanager
def wall() -> Iterator[str]:
    """An address where connecting takes forever: its queue is full, and nobody accepts."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, ExitStack() as waiting:
        for _ in range(4):
            sock = waiting.enter_context(socket.socket())
            sock.setblocking(False)
            with suppress(BlockingIOError):
                sock.connect(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def _accept(listener: socket.socket, serve: Serve) -> None:
    while True:
        try:
            sock, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_served, args=(sock, serve), daemon=True).start()


def _served(sock: socket.socket, serve: Serve) -> None:
    sock.settimeout(RELAY_SECONDS)
    with sock, suppress(OSError):
        serve(sock)


def _head(sock: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        part = sock.recv(65536)
        if not part:
            raise ConnectionError
        head += part
    return head


def _forward(sock: socket.socket, target: str, first: bytes) -> None:
    host, _, port = target.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=RELAY_SECONDS) as upstream:
        upstream.sendall(first)
        _both_ways(sock, upstream)


def _both_ways(sock: socket.socket, upstream: socket.socket) -> None:
    back = threading.Thread(target=_pump, args=(upstream, sock), daemon=True)
    back.start()
    _pump(sock, upstream)
    back.join(RELAY_SECONDS)


def _reached(target: str) -> socket.socket:
    host, _, port = target.rpartition(":")
    deadline = time.monotonic() + RELAY_SECONDS
    while True:
        try:
            return socket.create_connection((host, int(port)), timeout=RELAY_SECONDS)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL_SECONDS)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
