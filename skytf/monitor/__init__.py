"""Follow a fleet that runs: the client of the gateways' control API, and progress."""
