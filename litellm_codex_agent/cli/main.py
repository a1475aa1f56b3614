"""`codex-agent`: the one program. `--help` loads nothing but argparse."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from .. import settings
from .._version import __version__

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 0 when it did what it says, 2 when the command line is wrong."""
    parser = _parser()
    try:
        chosen = parser.parse_args(arguments)
        return int(chosen.run(chosen))
    except settings.Unusable as error:
        parser.error(str(error))
    except MissingExtra as error:
        print(f"codex-agent: {error}", file=sys.stderr)
        return 1


class MissingExtra(Exception):
    """A command needs an extra that is not installed."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="codex-agent", description="Coding agents as LiteLLM models.")
    parser.add_argument("--version", action="version", version=f"litellm-codex-agent {__version__}")
    commands = parser.add_subparsers(metavar="command", required=True)
    serve = commands.add_parser("serve", help="start an agent endpoint that speaks the OpenAI API")
    serve.add_argument("--host", help=f"where to listen (default {settings.LOOPBACK}, or {settings.HOST})")
    serve.add_argument("--port", type=int, help=f"the port (default {settings.DEFAULT_PORT}, or {settings.PORT})")
    serve.set_defaults(run=_serve)
    demo = commands.add_parser("demo", help="ask an agent through a LiteLLM Router; no key, no network")
    demo.set_defaults(run=_demo)
    return parser


def _serve(chosen: argparse.Namespace) -> int:
    config = settings.server()
    host, port = chosen.host or config.host, config.port if chosen.port is None else chosen.port
    if not config.key and not settings.is_loopback(host):
        raise settings.Unusable(
            f"--host {host} can be reached from other machines, so a key is needed: set {settings.SERVER_KEY}."
        )
    try:
        import uvicorn

        from ..server.app import make_app
    except ModuleNotFoundError as error:
        raise MissingExtra(f'{error.name} is not installed. Run: pip install "litellm-codex-agent[server]"') from error
    uvicorn.run(make_app(config.key), host=host, port=port, log_level="warning")
    return 0


def _demo(_: argparse.Namespace) -> int:
    from .demo import demo

    return demo()
