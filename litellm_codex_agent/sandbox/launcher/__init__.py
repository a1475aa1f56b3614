"""A program of its own, that starts one command and outlives all that comes of it.

What the wall is made of was decided before: a spec (landlock.py) holds numbers and paths. It starts each time, so it
imports nothing of the rest, nothing that is slow to import, and the server starts it without importing it.
"""
