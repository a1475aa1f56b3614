"""Codex as a backend, by the protocol of `codex app-server`.

Law: what is decided here (what Codex is given, what its notifications mean, why it failed) is pure, and apart from
the processes and sockets.
"""
