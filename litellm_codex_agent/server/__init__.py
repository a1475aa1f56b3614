"""The HTTP face of the agents: parse, call, write; no logic. Imports neither LiteLLM nor the provider."""
