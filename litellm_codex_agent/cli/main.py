"""`codex-agent`: the one program. `--help` loads nothing but argparse."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from .. import settings
from .._version import __version__
from .failed import Failed
from .runs import add_runs
from .sandbox import add_sandbox
from .serve import describe

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 0 when it did what it says, 2 when the command line is wrong."""
    parser = _parser()
    try:
        chosen = parser.parse_args(arguments)
        return int(chosen.run(chosen))
    except settings.Unusable as error:
        parser.error(str(error))
    except Failed as error:
        print(f"codex-agent: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="codex-agent", description="Coding agents as LiteLLM models.")
    parser.add_argument("--version", action="version", version=f"litellm-codex-agent {__version__}")
    commands = parser.add_subparsers(metavar="command", required=True)
    describe(commands.add_parser("serve", help="start an agent endpoint that speaks the OpenAI API"))
    add_runs(commands)
    add_sandbox(commands)
    demo = commands.add_parser("demo", help="ask an agent through a LiteLLM Router; no key, no network")
    demo.set_defaults(run=_demo)
    return parser


def _demo(_: argparse.Namespace) -> int:
    from .demo import demo

    return demo()
