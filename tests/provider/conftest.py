"""An endpoint over https and one with no other connections; and no proxies but a test's own."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator

import pytest

from .. import endpoint as scripted
from ..endpoint import Endpoint, Lane
from .calls import hello
from .relays import tls_front

OPENSSL_SECONDS = 20


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A certificate for 127.0.0.1 that is its own CA, with its key, in one file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl command to make a certificate")
    pem, key = tmp_path_factory.mktemp("tls") / "ca.pem", tmp_path_factory.mktemp("key") / "key.pem"
    uses = ("subjectAltName=IP:127.0.0.1", "keyUsage=critical,digitalSignature,keyCertSign")
    made = [openssl, "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    names = ["-subj", "/CN=scripted", "-keyout", str(key), "-out", str(pem)]
    options = [word for use in uses for word in ("-addext", use)]
    subprocess.run([*made, *names, *options], check=True, capture_output=True, timeout=OPENSSL_SECONDS)
    pem.write_text(pem.read_text() + key.read_text())
    return str(pem)


@pytest.fixture
def secure(endpoint: Endpoint, certificate: str) -> Iterator[Lane]:
    """A lane that answers over https."""
    lane = hello(endpoint)
    with tls_front(endpoint.url, certificate) as url:
        yield Lane(lane.base.replace(endpoint.url, url), lane.acts, lane.asked)


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def own() -> Iterator[Endpoint]:
    """An endpoint that no other test has connections to."""
    with scripted.running() as endpoint:
        yield endpoint
