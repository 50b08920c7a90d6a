"""A holder is killed while another process waits: how long until that one is inside."""

from __future__ import annotations

import pathlib
import time
from typing import Any

from ..contenders import LOCKS
from ..crew import AT, PATIENCE, STEP, Created, Crew, Worker
from ..figures import column, quantile, table
from ..taking_turns import Bench, Measured, for_processes
from ..trouble import Failed, NotRun

GIVES_UP = 2.0
"""Seconds after which a waiter of a lock that does not claim to recover is taken to wait for ever."""

HOLDS = 1


def run(bench: Bench) -> list[dict[str, Any]]:
    def measure(kind: Any) -> Measured:
        for_processes(kind)
        place = bench.scratch.place()
        with Created(kind, place) as lock:
            with Crew(kind, [kind.ticket(place, lock)], bench.scratch.directory) as crew:
                waiter = crew.spawn(wait_in_turn)
                took = [kill_one(crew, kind, waiter, turn) for turn in range(1, bench.kills + 1)]
                crew.finish()
        ordered = sorted(took)
        return [quantile(ordered, 0.5) / 1e3, quantile(ordered, 0.99) / 1e3, ordered[-1] / 1e3], took

    columns = [
        column("killed → next one inside p50, µs"),
        column("p99, µs"),
        column("longest, µs", over_runs="largest", compared=False),
    ]
    setting = f"small holder, {bench.kills} kills a run"
    rows = bench.rounds(f"recovery, {setting}", bench.entrants(LOCKS), measure)
    return [table("recovery", setting, columns, rows)]


def kill_one(crew: Crew, kind: Any, waiter: int, turn: int) -> int:
    """Nanoseconds from the kill until the waiter is inside."""
    holder = crew.spawn(hold)
    crew.await_ready()
    crew.await_that("the holder is not inside", lambda: crew.control.of(holder, STEP) == HOLDS)
    crew.start(turn)
    crew.await_that("the waiter has not come", lambda: crew.control.of(waiter, STEP) == 2 * turn)
    await_sleep(crew.members[waiter].pid)
    # Kills must not keep step with a waiter that looks up every so often.
    time.sleep(0.1 * (turn * 0.618 % 1))

    killed = time.monotonic_ns()
    crew.members[holder].kill()
    try:
        crew.await_that(
            "nobody has followed a killed holder",
            lambda: crew.control.of(waiter, STEP) == 2 * turn + 1,
            PATIENCE if kind.recovers else GIVES_UP,
        )
    except Failed:
        if kind.recovers:
            raise
        raise NotRun("blocks for ever") from None
    crew.members[holder].join()
    return crew.control.of(waiter, AT) - killed


def await_sleep(pid: int) -> None:
    """Until the system says that it sleeps, which one that spins or naps may never do for long enough to be seen."""
    end = time.monotonic() + 0.05
    status = pathlib.Path(f"/proc/{pid}/stat")
    while time.monotonic() < end:
        # The name before the state may hold anything.
        if status.read_text().rsplit(")", 1)[1].split()[0] == "S":
            return
        time.sleep(0.0005)


def hold(worker: Worker, kind: Any, opened: list[Any]) -> None:
    """The holder's part."""
    opened[0].acquire()
    worker.ready()
    worker.tell(STEP, HOLDS)
    while True:
        time.sleep(3600)


def wait_in_turn(worker: Worker, kind: Any, opened: list[Any]) -> None:
    """The waiter's part: at every start, acquire once."""
    (lock,) = opened
    worker.ready()
    turn = 1
    while worker.await_start(turn):
        worker.tell(STEP, 2 * turn)
        lock.acquire()
        worker.tell(AT, time.monotonic_ns())
        lock.release()
        worker.tell(STEP, 2 * turn + 1)
        turn += 1
