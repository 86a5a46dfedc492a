"""Terraform as a typed, interruptible child process."""
