"""Laying out shared memory."""

from __future__ import annotations

import os


def align_to_cacheline_size(size: int) -> int:
    """The next multiple of a cache line's size: of 64, or of what ``CACHE_LINE_SIZE`` says."""
    line = int(os.environ.get("CACHE_LINE_SIZE", "64"))
    return -(-size // line) * line
