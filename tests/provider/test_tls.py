"""Certificates: checked, and against the CA that the call, LiteLLM or the environment names."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import litellm
import pytest

from litellm_codex_agent.errors import Misconfigured

from ..conftest import OPENSSL_SECONDS
from ..endpoint import Lane
from .calls import MODES, ask
from .wires import SHIPPED, fetch, greets


@pytest.mark.parametrize("mode", ["completion", "acompletion", "streaming"])
def test_an_unknown_ca_is_refused_and_the_sentence_names_the_certificate(secure: Lane, mode: str) -> None:
    with pytest.raises(litellm.InternalServerError, match=r"certificate verify failed.* CA in ssl_verify") as raised:
        ask(mode, secure)
    assert secure.asked == []
    assert "Traceback" not in str(raised.value)


@pytest.mark.parametrize("mode", MODES)
def test_ssl_verify_false_in_the_call_accepts_any_certificate(secure: Lane, mode: str) -> None:
    assert greets(mode, secure, ssl_verify=False)


@pytest.mark.parametrize("mode", MODES)
def test_ssl_verify_in_the_call_may_name_the_ca(secure: Lane, certificate: str, mode: str) -> None:
    assert greets(mode, secure, ssl_verify=certificate)


@pytest.mark.parametrize("mode", MODES)
def test_ssl_verify_is_not_sent_to_the_endpoint(secure: Lane, mode: str) -> None:
    ask(mode, secure, ssl_verify=False)
    assert "ssl_verify" not in secure.asked[0].json


def test_a_deployments_ssl_verify_holds_in_a_router(secure: Lane, certificate: str) -> None:
    params = {"model": "codex-agent/mini", "api_base": secure.base, "ssl_verify": certificate}
    router = litellm.Router(model_list=[{"model_name": "agent", "litellm_params": params}])
    assert router.completion(model="agent", messages=[{"role": "user", "content": "hi"}]).choices


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_VERIFY"])
def test_the_environment_may_name_the_ca(
    secure: Lane, certificate: str, monkeypatch: pytest.MonkeyPatch, mode: str, name: str
) -> None:
    monkeypatch.setenv(name, certificate)
    assert greets(mode, secure)


@pytest.mark.parametrize("mode", MODES)
def test_the_environment_may_accept_any_certificate(secure: Lane, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    monkeypatch.setenv("SSL_VERIFY", "false")
    assert greets(mode, secure)


@pytest.mark.parametrize("mode", MODES)
def test_litellms_own_setting_holds(secure: Lane, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    monkeypatch.setattr(litellm, "ssl_verify", False)
    assert greets(mode, secure)


@pytest.mark.parametrize("way", SHIPPED)
def test_a_directory_of_cas_is_read(secure: Lane, certificate: str, tmp_path: Path, way: str) -> None:
    command = ["openssl", "x509", "-subject_hash", "-noout", "-in", certificate]
    hashed = subprocess.run(command, check=True, capture_output=True, text=True, timeout=OPENSSL_SECONDS).stdout
    shutil.copy(certificate, tmp_path / f"{hashed.strip()}.0")
    assert fetch(way, secure.base, tls=str(tmp_path)).status == 200


@pytest.mark.parametrize("way", SHIPPED)
@pytest.mark.parametrize("text", [None, "not a certificate"])
def test_a_file_of_cas_that_cannot_be_read_is_named(secure: Lane, tmp_path: Path, way: str, text: str | None) -> None:
    file = tmp_path / "ca.pem"
    if text:
        file.write_text(text)
    with pytest.raises(Misconfigured, match=r"ca.pem' cannot be read: .*SSL_CERT_FILE"):
        fetch(way, secure.base, tls=str(file))
