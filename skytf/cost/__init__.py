"""What a transfer costs, planned or done: usage times the catalog's prices. Pure."""

from skytf.cost.bill import price
from skytf.cost.expected import estimate, expected_usage

__all__ = ["estimate", "expected_usage", "price"]
