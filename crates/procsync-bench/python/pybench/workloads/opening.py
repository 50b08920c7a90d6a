"""Objects are made, opened, used, closed and removed: what a short-lived process pays for a name."""

from __future__ import annotations

import json
import os
import time
from typing import Any, Callable

from ..contenders import LOCKS
from ..crew import Created, Crew, Worker
from ..figures import NONE, column, quantile, table
from ..taking_turns import Bench, Measured, for_processes
from ..trouble import Failed


def run(bench: Bench) -> list[dict[str, Any]]:
    columns = [
        column("create + close + remove, µs"),
        column("open + close one in use, µs"),
        column("open + acquire + release + close one in use, µs"),
    ]

    def measure(kind: Any) -> Measured:
        for_processes(kind)
        return in_a_child(lambda: of_one_kind(bench, kind)), None

    return [table("open", "", columns, bench.rounds("open", bench.entrants(LOCKS), measure))]


def of_one_kind(bench: Bench, kind: Any) -> list[float]:
    share = bench.seconds / 3

    def whole_life() -> None:
        place = bench.scratch.place()
        kind.close(kind.create(place))
        kind.remove(place)

    life = NONE if kind.opens_when_acquired else median_us(share, whole_life)
    in_use = of_one_in_use(bench, kind, share) if kind.by_name else [NONE, NONE]
    return [life, *in_use]


def in_a_child(measure: Callable[[], list[float]]) -> list[float]:
    """What a child measures that ends then: closing is not the end of every descriptor (fastipc's)."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            try:
                answer: Any = measure()
            except Exception as error:  # Whatever a peer may raise is a finding.
                answer = f"{type(error).__name__}: {error}"
            os.write(writing, json.dumps(answer).encode())
        finally:
            # Whatever happens, not the way of the parent, whose things are not the child's to tidy up.
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    answer = json.loads(text) if text else "the process that measured ended"
    if isinstance(answer, str):
        raise Failed(answer)
    return answer


def of_one_in_use(bench: Bench, kind: Any, share: float) -> list[float]:
    place = bench.scratch.place()
    first = Created(kind, place)
    with first, Crew(kind, [place], bench.scratch.directory) as crew:
        crew.spawn(keep)
        crew.await_ready()
        # This process is to open it anew, not to share what it has open.
        first.close()

        def opening() -> None:
            kind.close(kind.attach(place))

        def using() -> None:
            lock = kind.attach(place)
            lock.acquire()
            lock.release()
            kind.close(lock)

        figures = [NONE if kind.opens_when_acquired else median_us(share, opening), median_us(share, using)]
        crew.finish()
        return figures


def median_us(seconds: float, step: Callable[[], None]) -> float:
    """Repeats the step for some time; what it takes, in microseconds."""
    took: list[int] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or not took:
        begin = time.perf_counter_ns()
        step()
        took.append(time.perf_counter_ns() - begin)
    return quantile(sorted(took), 0.5) / 1e3


def keep(worker: Worker, kind: Any, opened: list[Any]) -> None:
    """The worker's part: to have it open."""
    worker.ready()
    worker.await_start()
