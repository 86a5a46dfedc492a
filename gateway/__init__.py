"""The data plane: what runs on a gateway VM. It never imports skytf."""

__version__ = "0.1.0"
