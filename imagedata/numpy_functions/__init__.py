"""What NumPy's functions do to the header of a Series.

Every function computes on plain arrays; the header is attached once, afterwards. A function
that is in no set gives a plain array: without a claim, there is no wrong one.
"""

from __future__ import annotations

from .dispatch import dispatch

__all__ = ['dispatch']
