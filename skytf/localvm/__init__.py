"""
A "VM" of the local cloud: an SSH server process with a home, a host key and a port of its own.

Terraform boots and halts it (``python -m skytf.localvm boot`` and ``halt``); everything else happens over SSH, as
with any cloud's VM. Nothing here needs root.
"""
