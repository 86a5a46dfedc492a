"""Play a reviewed plan on this machine: the same topology and programs, links at one scale, data that nobody has."""
