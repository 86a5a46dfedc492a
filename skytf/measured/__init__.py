"""What a transfer used and reached, from what was counted, beside what was predicted. Pure."""

from skytf.measured.achieved import Achieved, achieved, compare, reported
from skytf.measured.counted import Counted, usage_of
from skytf.measured.operators import operators_of, slowest

__all__ = ["Achieved", "Counted", "achieved", "compare", "operators_of", "reported", "slowest", "usage_of"]
