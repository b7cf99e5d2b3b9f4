"""How sure a share is: the Wilson score interval."""

from __future__ import annotations

import math

Z_95 = 1.959963984540054
"""The normal distribution's 97.5 % point."""


def wilson(num_successes: int, num: int, z: float = Z_95) -> tuple[float, float]:
    """Return the ends of the interval of `num_successes` out of `num` (at least 1), 95 % by default.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference (1927), without
    continuity correction. Unlike the normal interval it has a width at 0 and at 1, and stays between them.
    """
    share, spread = num_successes / num, z * z / num
    middle = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / num + spread / (4 * num)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)
