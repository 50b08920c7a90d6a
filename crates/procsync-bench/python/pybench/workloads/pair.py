"""One thread acquires and releases, nobody else is there."""

from __future__ import annotations

import itertools
import time
from typing import Any

from ..contenders import LOCKS
from ..crew import Created
from ..figures import NONE, column, table
from ..taking_turns import Bench, Measured

SLICES = 10
"""A run is cut into so many, between which the contenders change."""

BATCH = 500
"""Between two looks at the clock."""


def run(bench: Bench) -> list[dict[str, Any]]:
    def measure(kind: Any) -> Measured:
        with Created(kind, bench.scratch.place()) as lock:
            share = bench.seconds / SLICES / 2
            has_with = hasattr(type(lock), "__enter__")
            return [calls(lock, share), with_(lock, share) if has_with else NONE], None

    columns = [column("ns per acquire + release"), column("ns per with")]
    return [table("pair", "", columns, bench.rounds("pair", bench.entrants(LOCKS), measure, SLICES))]


def calls(lock: Any, seconds: float) -> float:
    """Nanoseconds for a pair of calls, the loop's own among them."""
    begin, batches, limit = time.perf_counter_ns(), 0, seconds * 1e9
    while True:
        for _ in itertools.repeat(None, BATCH):
            lock.acquire()
            lock.release()
        batches += 1
        elapsed = time.perf_counter_ns() - begin
        if elapsed >= limit:
            return elapsed / (batches * BATCH)


def with_(lock: Any, seconds: float) -> float:
    """Nanoseconds for a `with`, the loop's own among them."""
    begin, batches, limit = time.perf_counter_ns(), 0, seconds * 1e9
    while True:
        for _ in itertools.repeat(None, BATCH):
            with lock:
                pass
        batches += 1
        elapsed = time.perf_counter_ns() - begin
        if elapsed >= limit:
            return elapsed / (batches * BATCH)
