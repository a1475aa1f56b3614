"""Bytes and dicts in, values out. Pure: standard library only, no sockets, no clock, no environment."""
