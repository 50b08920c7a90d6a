"""Two processes wake each other in turn: how long a signal takes there and back."""

from __future__ import annotations

import array
import os
import time
from typing import Any

from ..contenders import TOKENS
from ..crew import STEP, STOPPED, Created, Crew, Worker
from ..figures import column, quantile, table
from ..taking_turns import Bench, Measured

LAST = 1
"""What the one that serves tells the other: no more comes after this."""


def run(bench: Bench) -> list[dict[str, Any]]:
    cpus = sorted(os.sched_getaffinity(0))
    placements: dict[str, list[set[int]]] = {
        "two CPUs": [{cpus[0]}, {cpus[-1]}],
        "one CPU": [{cpus[0]}, {cpus[0]}],
        "wherever they like": [set(cpus), set(cpus)],
    }
    if len(cpus) < 2:
        del placements["two CPUs"]
    columns = [
        column("round trip p50, µs"),
        column("p99, µs"),
        column("longest, µs", over_runs="largest", compared=False),
    ]
    tables = []
    for setting, places in placements.items():

        def measure(kind: Any) -> Measured:
            there, back = bench.scratch.place(), bench.scratch.place()
            with Created(kind, there) as one, Created(kind, back) as other:
                tickets = [kind.ticket(there, one), kind.ticket(back, other)]
                with Crew(kind, tickets, bench.scratch.directory) as crew:
                    crew.spawn(serve, cpus=places[0])
                    crew.spawn(answer, cpus=places[1])
                    crew.await_ready()
                    crew.start()
                    time.sleep(bench.seconds)
                    trips = [trip for of_one in crew.finish() for trip in of_one]
            ordered = sorted(trips)
            return [quantile(ordered, 0.5) / 1e3, quantile(ordered, 0.99) / 1e3, ordered[-1] / 1e3], trips

        rows = bench.rounds(f"pingpong, {setting}", bench.entrants(TOKENS), measure)
        tables.append(table("pingpong", setting, columns, rows))
    return tables


def serve(worker: Worker, kind: Any, opened: list[Any], cpus: set[int]) -> array.array[int]:
    """One of the two begins and looks at the clock."""
    os.sched_setaffinity(0, cpus)
    put, take = getattr(opened[0], kind.put), getattr(opened[1], kind.take)
    words, trips, now = worker.words, array.array("Q"), time.perf_counter_ns
    worker.ready()
    worker.await_start()
    while True:
        begin = now()
        put()
        take()
        trips.append(now() - begin)
        if words[STOPPED]:
            break
    # Not by the word that says stop, which the other might see before this one does.
    worker.tell(STEP, LAST)
    put()
    return trips


def answer(worker: Worker, kind: Any, opened: list[Any], cpus: set[int]) -> array.array[int]:
    """The other one only answers."""
    os.sched_setaffinity(0, cpus)
    take, put = getattr(opened[0], kind.take), getattr(opened[1], kind.put)
    words, step = worker.words, worker.control.line(0) + STEP
    worker.ready()
    worker.await_start()
    while True:
        take()
        if words[step] == LAST:
            return array.array("Q")
        put()
