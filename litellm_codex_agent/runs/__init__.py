"""A run's life: identity, journal, re-attach, events, cancel.

Imports neither LiteLLM nor the provider nor the HTTP face.
"""
