"""Where a submission's code runs: the sandbox and the sessions in it, on this machine's processes or a cluster."""
