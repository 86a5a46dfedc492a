"""Frozen nouns of the control plane; no I/O."""
