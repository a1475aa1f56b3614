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

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
KEPT = ROOT / ".venv-versions"
VERSIONS = ("1.90.0", "1.95.0", "1.100.0", "1.103.0", "1.106.2", "1.109.1")
ROOMS = ("gate", "request", "register", "replies", "identity", "eager", "failures", "health", "bridges")
TESTS = ("tests/parity/test_parity.py", *(f"tests/provider/test_{room}.py" for room in ROOMS))
# Four times what the slowest version takes on two busy cores.
TEST_SECONDS = 900
INSTALL_SECONDS = 600


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
    parser.add_argument("--short", action="store_true", help="the oldest and the newest")
    asked = parser.parse_args()
    versions = asked.versions or ((VERSIONS[0], VERSIONS[-1]) if asked.short else VERSIONS)
    results = [run(version) for version in versions]
    for result in results:
        print(f"\nLiteLLM {result.version} differs from its own openai/ in:")
        print(*(f"  {row}" for row in result.differing), *(f"  FAILED {name}" for name in result.failed), sep="\n")
    print("", *(result.line for result in results), sep="\n")
    return 1 if any(result.failed or not result.passed for result in results) else 0


def run(version: str) -> Result:
    """Install `version` if it is not there, and test it."""
    print(f"LiteLLM {version}", flush=True)
    python, report = environment(version), KEPT / f"{version}.xml"
    report.unlink(missing_ok=True)
    started = time.monotonic()
    options = ("-m", "pytest", *TESTS, f"--junitxml={report}", "--tb=short", "-p", "no:cacheprovider")
    done = subprocess.run([python, *options], cwd=ROOT, env=variables(), timeout=TEST_SECONDS)
    seconds = time.monotonic() - started
    passed, failed = counted(report)
    if done.returncode and not failed:
        failed = [f"pytest ended with {done.returncode}"]
    rows = subprocess.check_output([python, "-m", "tests.parity.versions"], cwd=ROOT, env=variables(), text=True)
    return Result(version, passed, failed, seconds, rows.splitlines())


def environment(version: str) -> str:
    """The Python of an environment with this LiteLLM, the package and what tests it."""
    folder = KEPT / version
    python, made = folder / "bin" / "python", folder / "made"
    if not made.exists() or made.stat().st_mtime < (ROOT / "pyproject.toml").stat().st_mtime:
        uv = (sys.executable, "-m", "uv")
        wanted = (f"litellm=={version}", "-e", ".[test]", "--override", str(HERE / "overrides.txt"))
        if not python.exists():
            install(*uv, "venv", "--quiet", "--python", sys.executable, str(folder))
        install(*uv, "pip", "install", "--quiet", "--python", str(python), *wanted)
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
