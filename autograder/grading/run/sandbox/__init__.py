"""Where submissions run: what the sandbox shows them, which kind of sandbox there is, and how its server is started."""
