"""Processes count together under one lock: how much they get done, how evenly, how long one waits for its turn, and
whether the lock excludes at all. Each is bound to one processor, evenly."""

from __future__ import annotations

import array
import itertools
import os
import time
from typing import Any

from ..contenders import LOCKS
from ..crew import OPERATIONS, PROTECTED, STOPPED, Created, Crew, Worker
from ..figures import column, quantile, table
from ..taking_turns import Bench, Measured, for_processes
from ..trouble import Failed

SAMPLED = 16
"""Every so many turns, the first one among them, how long the wait was: looking at the clock costs as much as the fast locks do."""


def run(bench: Bench) -> list[dict[str, Any]]:
    cpus = sorted(os.sched_getaffinity(0))
    columns = [
        column("k ops/s", "higher"),
        column("slowest / fastest process", "higher", compared=False),
        column("wait p50, ns", compared=False),
        column("wait p99, ns"),
        column("longest wait, µs", over_runs="largest", compared=False),
    ]
    tables = []
    for processes in bench.processes:

        def measure(kind: Any) -> Measured:
            for_processes(kind)
            place = bench.scratch.place()
            with Created(kind, place) as lock:
                with Crew(kind, [kind.ticket(place, lock)], bench.scratch.directory) as crew:
                    for index in range(processes):
                        crew.spawn(work, cpu=cpus[index % len(cpus)])
                    return contend(bench, crew)

        setting = f"{processes} processes, turn after turn"
        rows = bench.rounds(f"contended, {setting}", bench.entrants(LOCKS), measure)
        tables.append(table("contended", setting, columns, rows))
    return tables


def contend(bench: Bench, crew: Crew) -> Measured:
    crew.await_ready()
    begin = time.perf_counter()
    crew.start()
    time.sleep(bench.seconds)
    seconds = time.perf_counter() - begin
    waits = [wait for of_one in crew.finish() for wait in of_one]
    done = [crew.control.of(index, OPERATIONS) for index in range(len(crew.members))]
    together = crew.control.words[PROTECTED]
    if sum(done) != together:
        raise Failed(f"does not exclude: {together} counted together, {sum(done)} separately")
    ordered = sorted(waits)
    figures = [
        sum(done) / seconds / 1e3,
        min(done) / max(*done, 1),
        float(quantile(ordered, 0.5)),
        float(quantile(ordered, 0.99)),
        ordered[-1] / 1e3,
    ]
    return figures, waits


def work(worker: Worker, kind: Any, opened: list[Any], cpu: int) -> array.array[int]:
    """The worker's part. It reports how long it waited, in some of its turns."""
    os.sched_setaffinity(0, {cpu})
    (lock,) = opened
    words, waits, now = worker.words, array.array("Q"), time.perf_counter_ns
    worker.ready()
    worker.await_start()
    turn = 0
    for turn in itertools.count(1):
        if turn % SAMPLED == 1:
            begin = now()
            lock.acquire()
            waits.append(now() - begin)
        else:
            lock.acquire()
        # In two steps, so that two holders at once lose one.
        words[PROTECTED] = words[PROTECTED] + 1
        lock.release()
        if words[STOPPED]:
            break
    worker.tell(OPERATIONS, turn)
    return waits
