"""What the mini-agent can use: tools of this machine in the sandbox, tools over HTTP, tools of MCP servers.

Law: a tool that fails is a result that the model can read. Only what makes a whole source useless is raised.
"""
