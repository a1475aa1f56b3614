"""`codex-agent serve`: a flag for each variable that has one. `settings` reads both, so both are refused alike."""

from __future__ import annotations

import argparse

from .. import settings
from .failed import Failed

__all__ = ["describe", "serve"]

_DESCRIPTION = "Start an agent endpoint that speaks the OpenAI API."
_EPILOG = f"""
A flag counts before the variable in brackets, and that before the default. {settings.SERVER_KEY} is the key that
clients have to send; it has no flag, for everyone on the machine can read a command line.
"""
# What a flag takes, where its last word does not say it.
_TAKES = {
    **dict.fromkeys(
        (settings.STATE, settings.RECORD, settings.RECORDINGS, settings.SCRIPTS, settings.CODEX_HOME), "DIR"
    ),
    **dict.fromkeys((settings.PRICES, settings.ROUTER_CONFIG, settings.STORE_PATH), "FILE"),
    settings.AGENT_PROCESSES: "COUNT",
    settings.MAX_ITERATIONS: "COUNT",
    settings.SECRET_PATTERNS: "JSON",
    settings.WORKSPACES: "DIRS",
    settings.UPSTREAM: "URL",
}
# The longest flag with its value, so that what it means stands beside it.
_FLAG_COLUMNS = 29


def describe(parser: argparse.ArgumentParser) -> None:
    """Make `parser` that of `codex-agent serve`."""
    parser.description, parser.epilog = _DESCRIPTION, _EPILOG
    parser.usage = f"{parser.prog} [flag value]..."
    parser.formatter_class = _Help
    # An abbreviation that works today would break with the next flag.
    parser.allow_abbrev = False
    for row in settings.VARIABLES:
        if row.flag:
            parser.add_argument(row.flag, dest=row.name, default="", metavar=_metavar(row), help=_meaning(row))
    parser.set_defaults(run=serve)


def serve(chosen: argparse.Namespace) -> int:
    """Serve until told to stop."""
    flags = {row.name: getattr(chosen, row.name) for row in settings.VARIABLES if row.flag}
    return _start(settings.server(flags=flags))


def _start(config: settings.ServerSettings) -> int:
    try:
        from ..backends.backend import NotReady
        from ..server.app import make_app
        from ..server.listening import Bind
        from ..server.serving import say
        from ..server.serving import serve as run
    except ModuleNotFoundError as error:
        raise Failed(f'{error.name} is not installed. Run: pip install "litellm-codex-agent[server]"') from error
    try:
        endpoint = make_app(config)
    except NotReady as error:
        raise settings.Unusable(str(error)) from error

    def announce(url: str) -> None:
        say(url)
        endpoint.announce(url)

    bind = Bind(config.host, config.port, config.key)
    return run(endpoint, bind=bind, drain=endpoint.drain, announce=announce)


class _Help(argparse.HelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=_FLAG_COLUMNS)


def _metavar(row: settings.Variable) -> str:
    return _TAKES.get(row.name) or row.flag.rpartition("-")[2].upper()


def _meaning(row: settings.Variable) -> str:
    default = "" if row.default == "none" else f"default {row.default}; "
    # argparse fills in what follows a percent sign, and a terminal shows no Markdown.
    return f"{row.meaning} ({default}{row.name})".replace("`", "").replace("%", "%%")
