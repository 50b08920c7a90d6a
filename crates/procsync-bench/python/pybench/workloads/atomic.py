"""Numbers in shared memory are incremented: how often in a second."""

from __future__ import annotations

import itertools
import multiprocessing
import time
from typing import Any, Callable

from ..figures import column, table
from ..taking_turns import Bench, Measured
from ..trouble import Failed

BATCH = 10_000


class FetchAdd:
    name = "procsync fetch_add"

    @staticmethod
    def make(memory: bytearray) -> Any:
        from procsync.raw import AtomicU64

        return AtomicU64(memory)

    @staticmethod
    def increment(number: Any, times: int) -> None:
        for _ in itertools.repeat(None, times):
            number.fetch_add(1)

    @staticmethod
    def value(number: Any) -> int:
        answer: int = number.load()
        return answer


class LoadAndCas(FetchAdd):
    name = "procsync load + cas"

    @staticmethod
    def increment(number: Any, times: int) -> None:
        for _ in itertools.repeat(None, times):
            while True:
                seen = number.load()
                if number.cas(seen, seen + 1):
                    break


class Fastipc(LoadAndCas):
    name = "fastipc load + cas"

    @staticmethod
    def make(memory: bytearray) -> Any:
        from fastipc._primitives import AtomicU64

        return AtomicU64(memory)


class Value(FetchAdd):
    name = "multiprocessing.Value"

    @staticmethod
    def make(memory: bytearray) -> Any:
        return multiprocessing.Value("Q", 0)

    @staticmethod
    def increment(number: Any, times: int) -> None:
        for _ in itertools.repeat(None, times):
            with number.get_lock():
                number.value += 1

    @staticmethod
    def value(number: Any) -> int:
        answer: int = number.value
        return answer


def run(bench: Bench) -> list[dict[str, Any]]:
    def measure(kind: Any) -> Measured:
        number = kind.make(bytearray(64))
        rate, times = timed(bench.seconds, lambda: kind.increment(number, BATCH))
        if kind.value(number) != times:
            raise Failed(f"{times} increments, counted {kind.value(number)}")
        return [rate], None

    entrants = [FetchAdd, LoadAndCas, Fastipc, Value]
    columns = [column("M increments/s", "higher")]
    return [table("atomic", "", columns, bench.rounds("atomic", entrants, measure))]


def timed(seconds: float, batch: Callable[[], None]) -> tuple[float, int]:
    """Millions in a second, and how many there were."""
    begin, times = time.perf_counter(), 0
    while True:
        batch()
        times += BATCH
        elapsed = time.perf_counter() - begin
        if elapsed >= seconds:
            return times / elapsed / 1e6, times
