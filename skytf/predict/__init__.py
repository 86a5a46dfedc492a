"""How fast a topology should be: a flow of bytes through sites and links that have capacities. Pure."""

from skytf.predict.pace import predict

__all__ = ["predict"]
