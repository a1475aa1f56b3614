"""What the provider costs, beside a handler that does nothing and LiteLLM's own `openai/`; and what the server does.

stage       starts an endpoint and a process for each contestant, and gives them orders
endpoint    answers fast, in a process of its own
worker      a process that makes one contestant's calls and measures itself
counts, cpu, crowd, real_proxy      the rows
server      the rows of the agent server, beside bare uvicorn: load, served, bare, steps
table, plot, recorded               how they are shown and held
"""
