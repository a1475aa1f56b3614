"""The LiteLLM half: a `CustomLLM` that speaks chat completions to any OpenAI-compatible endpoint.

Read it in this order: `handler` (the four calls), `request` (what goes out), `replies` (what comes
back), `failures` (what goes wrong), `transport` and `aiohttp_transport` (bytes), `eager` (the hook).
"""
