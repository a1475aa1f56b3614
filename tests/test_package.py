"""The wheel and the sdist: what is in them, and that they work where nothing else is."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path
from typing import Any

import pytest

from .endpoint import Endpoint
from .provider.calls import hello

ROOT = Path(__file__).parent.parent
# A build makes an environment of its own first, and a bare one installs LiteLLM.
BUILD_SECONDS = 300


def run(*command: str, **options: Any) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_SECONDS, **options)
    assert done.returncode == 0, done.stderr[-2000:]
    return str(done.stdout)


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT))
    return folder


def test_the_wheel_holds_the_package_its_types_and_its_licence(dist: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "litellm_codex_agent/py.typed" in names
    assert any(name.endswith("LICENSE") for name in names)
    assert not [name for name in names if not name.startswith(("litellm_codex_agent/", "litellm_codex_agent-"))]


def test_the_sdist_holds_what_it_takes_to_test_it(dist: Path) -> None:
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    assert {"pyproject.toml", "README.md", "LICENSE", "tests/test_package.py", "docs"} <= {
        *names,
        *(name.split("/")[0] for name in names),
    }


def test_the_wheel_works_with_nothing_but_its_core_dependencies(dist: Path, tmp_path: Path, endpoint: Endpoint) -> None:
    (wheel,) = dist.glob("*.whl")
    venv.create(tmp_path / "bare", with_pip=True)
    python = str(tmp_path / "bare" / "bin" / "python")
    run(python, "-m", "pip", "install", "--quiet", str(wheel), "litellm==1.106.2")
    code = f"""
import litellm, litellm_codex_agent
litellm_codex_agent.register()
for call in (dict(), dict(stream=True)):
    reply = litellm.completion(model="codex-agent/mini", messages=[{{"role": "user", "content": "hi"}}],
                               api_base={hello(endpoint).base!r}, **call)
    print(reply.choices[0].message.content if not call else "".join(c.choices[0].delta.content or "" for c in reply))
"""
    environ = {"LITELLM_ENABLE_CODEX_AGENT": "1", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    assert run(python, "-c", code, env=environ, cwd=tmp_path).split("\n")[:2] == ["Hello there"] * 2


def test_a_missing_extra_is_one_sentence_with_the_command(dist: Path, tmp_path: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    venv.create(tmp_path / "bare", with_pip=True)
    python = str(tmp_path / "bare" / "bin" / "python")
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", str(wheel))
    done = subprocess.run(
        [python, "-m", "litellm_codex_agent.cli", "serve"], capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 1
    assert done.stderr.strip().endswith('Run: pip install "litellm-codex-agent[server]"')
    assert "Traceback" not in done.stderr
