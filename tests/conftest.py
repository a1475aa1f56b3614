"""What all tests share: an endpoint, an open gate, and a LiteLLM that remembers nothing of the test before."""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import subprocess
import tempfile

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import litellm
import pytest

import litellm_codex_agent
from litellm_codex_agent.settings import VARIABLES

from . import endpoint as scripted

OPENSSL_SECONDS = 20
_LISTS = (
    "input_callback",
    "success_callback",
    "failure_callback",
    "_async_success_callback",
    "_async_failure_callback",
    "service_callback",
)

# Before a test module is imported: no test, no fixture and no process of either finds the tester's own state.
_STATES = tempfile.mkdtemp(prefix="codex-agent-tests-")
atexit.register(shutil.rmtree, _STATES, ignore_errors=True)
os.environ["CODEX_AGENT_STATE"] = os.environ["XDG_STATE_HOME"] = _STATES
# The way to a proxy stays the tester's: the tests ask nothing but this machine.
_OURS = [row.name for row in VARIABLES if not row.name.startswith(("HTTP_PROXY", "XDG_"))]
_TESTS = count()

logging.getLogger("LiteLLM").setLevel(logging.CRITICAL)
logging.getLogger("LiteLLM Router").setLevel(logging.CRITICAL)
litellm.suppress_debug_info = True


@pytest.fixture(scope="session")
def endpoint() -> Iterator[scripted.Endpoint]:
    with scripted.running() as server:
        yield server


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


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate open, a state directory that no other test has, and nothing else set."""
    for name in _OURS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LITELLM_ENABLE_CODEX_AGENT", "1")
    monkeypatch.setenv("CODEX_AGENT_STATE", str(Path(_STATES, f"test-{next(_TESTS)}")))


@pytest.fixture(autouse=True)
def forgetful_litellm() -> Iterator[None]:
    """Each Router adds callbacks; after about a hundred of them LiteLLM silently stops cooling down."""
    litellm_codex_agent.register()
    yield
    for name in _LISTS:
        setattr(litellm, name, [])
    litellm.callbacks = []
    litellm.cache = None
