"""Between an agent and its model: the relay holds the key, the agent a token. Law: nothing is asked outside a run."""
