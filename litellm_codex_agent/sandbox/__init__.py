"""The wall around all that an agent can run: bubblewrap, else Landlock with seccomp, and each proven by a probe."""
