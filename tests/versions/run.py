"""The table, the registration, the mapping and the bridges on six LiteLLMs, each beside its own `openai/`.

    python tests/versions/run.py [--short] [version ...]

Each version has an environment of its own, kept for the next run. Needs uv beside this Python.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as xml
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

from tests.versions.bare import BARE, CODE, Bare  # noqa: E402

KEPT = ROOT / ".venv-versions"
VERSIONS = ("1.90.0", "1.95.0", "1.100.0", "1.103.0", "1.106.2", "1.109.1")
ROOMS = ("gate", "request", "register", "installed", "replies", "identity", "agent_fields", "eager")
ROOMS += ("failures", "health", "bridges")
TESTS = ("tests/parity/test_parity.py", *(f"tests/provider/test_{room}.py" for room in ROOMS))
# Four times what the slowest version takes on two busy cores.
TEST_SECONDS = 900
INSTALL_SECONDS = 600
# One import of LiteLLM and one call that is refused.
BARE_SECONDS = 120


@dataclass(frozen=True)
class Result:
    """What one version came to."""

    version: str
    passed: int
    failed: list[str]
    seconds: float
    differing: list[str]

    @property
    def line(self) -> str:
        return f"LiteLLM {self.version:8} {self.passed} passed, {len(self.failed)} failed, {self.seconds:.0f} s"


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the table on several LiteLLMs.")
    parser.add_argument("versions", nargs="*", help="these, and not the six")
    parser.add_argument("--short", action="store_true", help="the oldest and the newest, without fresh interpreters")
    asked = parser.parse_args()
    versions = asked.versions or ((VERSIONS[0], VERSIONS[-1]) if asked.short else VERSIONS)
    wrong = {} if asked.versions else {one.version: bare(one) for one in BARE}
    results = [run(version, *(("-m", "not fresh") if asked.short else ())) for version in versions]
    for result in results:
        print(f"\nLiteLLM {result.version} differs from its own openai/ in:")
        print(*(f"  {row}" for row in result.differing), *(f"  FAILED {name}" for name in result.failed), sep="\n")
    for version, said in wrong.items():
        print(f"\nLiteLLM {version} alone", *(said or ["says what it should"]), sep="\n  ")
    print("", *(result.line for result in results), sep="\n")
    return int(any(wrong.values()) or any(result.failed or not result.passed for result in results))


def bare(one: Bare) -> list[str]:
    """What is wrong with what the package says on this LiteLLM with nothing else installed."""
    # The package comes from the folder: pip would not install it beside a LiteLLM that is too old.
    python = environment(f"bare-{one.version}", f"litellm=={one.version}")
    open_gate = {**variables(), "LITELLM_ENABLE_CODEX_AGENT": "1"}
    done = subprocess.run(
        [python, "-c", CODE], cwd=ROOT, env=open_gate, capture_output=True, text=True, timeout=BARE_SECONDS
    )
    return one.wrong(done.stdout + done.stderr)


def run(version: str, *options: str) -> Result:
    """Install `version` if it is not there, and test it."""
    print(f"LiteLLM {version}", flush=True)
    # From 1.100 on a stream of /v1/messages needs packages that only the extra brings, and later a cached stream too.
    python = environment(version, f"litellm[proxy]=={version}", "-e", ".[test]")
    report = KEPT / f"{version}.xml"
    report.unlink(missing_ok=True)
    started = time.monotonic()
    pytest = ("-m", "pytest", *TESTS, f"--junitxml={report}", "--tb=short", "-p", "no:cacheprovider", *options)
    done = subprocess.run([python, *pytest], cwd=ROOT, env=variables(), timeout=TEST_SECONDS)
    seconds = time.monotonic() - started
    passed, failed = counted(report)
    if done.returncode and not failed:
        failed = [f"pytest ended with {done.returncode}"]
    rows = subprocess.check_output([python, "-m", "tests.parity.versions"], cwd=ROOT, env=variables(), text=True)
    return Result(version, passed, failed, seconds, rows.splitlines())


def environment(name: str, *wanted: str) -> str:
    """The Python of an environment with this in it."""
    folder = KEPT / name
    python, made = folder / "bin" / "python", folder / "made"
    if not made.exists() or made.stat().st_mtime < (ROOT / "pyproject.toml").stat().st_mtime:
        uv = (sys.executable, "-m", "uv")
        if not python.exists():
            install(*uv, "venv", "--quiet", "--python", sys.executable, str(folder))
        overrides = ("--override", str(HERE / "overrides.txt"))
        install(*uv, "pip", "install", "--quiet", "--python", str(python), *wanted, *overrides)
        made.touch()
    return str(python)


def install(*command: str) -> None:
    subprocess.run(command, cwd=ROOT, check=True, timeout=INSTALL_SECONDS)


def variables() -> dict[str, str]:
    return {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}


def counted(report: Path) -> tuple[int, list[str]]:
    """How many passed, and which did not."""
    if not report.exists():
        return 0, []
    cases = list(xml.parse(report).iter("testcase"))
    failed = [case.get("name", "") for case in cases if {child.tag for child in case} & {"failure", "error"}]
    skipped = sum(case.find("skipped") is not None for case in cases)
    return len(cases) - len(failed) - skipped, failed


if __name__ == "__main__":
    sys.exit(main())
