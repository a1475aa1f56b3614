"""The mini-agent: a loop around a model and its tools, within budgets, told as it happens."""
