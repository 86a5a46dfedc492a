"""
Stand-ins for the clouds' Terraform providers: their real schemas and addresses, invented values, and VMs that boot.

`mirror` lays out what Terraform installs from, `World` is the account that the providers work on. The providers find
it by the variable ``SKYTF_TEST_WORLD`` and know nothing else of a test.
"""
