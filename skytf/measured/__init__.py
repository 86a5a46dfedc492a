"""What a transfer used and reached, from what was counted, beside what was predicted. Pure."""

from skytf.measured.achieved import Achieved, achieved, compare, reported
from skytf.measured.counted import Counted, usage_of

__all__ = ["Achieved", "Counted", "achieved", "compare", "reported", "usage_of"]
