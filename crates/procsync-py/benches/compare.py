"""procsync beside its peers, all in one run: compare within one run only, by the ratios.

    pip install posix_ipc fastipc        # what is missing is left out
    python compare.py [pair with contended pingpong open atomic] [--rounds N] [--json]

Each figure is the median of rounds in which all take turns, so that what else the machine does falls on
all alike.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import threading
import time
import uuid
from typing import Any, Callable

import procsync
from procsync import raw

try:
    import posix_ipc
except ImportError:
    posix_ipc = None
try:
    import fastipc
    from fastipc._primitives import AtomicU64 as FastipcAtomicU64
except ImportError:
    fastipc = None

Results = dict[str, list[float]]
SPAWN = multiprocessing.get_context("spawn")


def posix_semaphore(initial: int) -> Any:
    semaphore = posix_ipc.Semaphore(None, posix_ipc.O_CREX, initial_value=initial)
    return semaphore


def in_turns(rounds: int, work: dict[str, Callable[[], float]]) -> Results:
    results: Results = {name: [] for name in work}
    for _ in range(rounds):
        for name, one in work.items():
            results[name].append(one())
    return results


# Uncontended, in one thread: ns.


def locks() -> dict[str, Any]:
    found: dict[str, Any] = {
        "procsync.Lock": procsync.Lock(),
        "procsync.RLock": procsync.RLock(),
        "procsync.Semaphore": procsync.Semaphore(),
        "procsync.TokenSemaphore": procsync.TokenSemaphore(None, 1),
        "procsync.raw.Mutex": raw.Mutex(bytearray(64)),
        "threading.Lock": threading.Lock(),
        "threading.RLock": threading.RLock(),
        "multiprocessing.Lock": SPAWN.Lock(),
    }
    if posix_ipc:
        found["posix_ipc.Semaphore"] = posix_semaphore(1)
        found["posix_ipc.Semaphore"].unlink()
    if fastipc:
        found["fastipc.NamedMutex"] = fastipc.NamedMutex(f"bench{uuid.uuid4().hex[:8]}")
    return found


def pair(lock: Any, times: int = 50_000) -> float:
    began = time.perf_counter_ns()
    for _ in range(times):
        lock.acquire()
        lock.release()
    return (time.perf_counter_ns() - began) / times


def with_(lock: Any, times: int = 50_000) -> float:
    began = time.perf_counter_ns()
    for _ in range(times):
        with lock:
            pass
    return (time.perf_counter_ns() - began) / times


def uncontended(what: Callable[[Any], float], rounds: int) -> Results:
    return in_turns(rounds, {name: lambda lock=lock: what(lock) for name, lock in locks().items()})


# Contended by spawned processes: operations per second, all together.


def reopen(kind: str, name: str, inherited: Any) -> Any:
    if kind == "procsync.Lock":
        return procsync.Lock(name)
    if kind == "posix_ipc.Semaphore":
        return posix_ipc.Semaphore("/" + name)
    return inherited


def contend(kind: str, name: str, inherited: Any, ready: Any, seconds: float, total: Any) -> None:
    lock = reopen(kind, name, inherited)
    times = 0
    ready.wait()
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        for _ in range(100):
            lock.acquire()
            lock.release()
        times += 100
    with total.get_lock():
        total.value += times


def contended(kind: str, processes: int, seconds: float = 0.5) -> float:
    name = f"bench{uuid.uuid4().hex[:12]}"
    inherited, keep = None, None
    if kind == "procsync.Lock":
        keep = procsync.Lock(name)
    elif kind == "posix_ipc.Semaphore":
        keep = posix_ipc.Semaphore("/" + name, posix_ipc.O_CREX, initial_value=1)
    else:
        inherited = SPAWN.Lock()
    ready, total = SPAWN.Barrier(processes), SPAWN.Value("q", 0)
    arguments = (kind, name, inherited, ready, seconds, total)
    workers = [SPAWN.Process(target=contend, args=arguments) for _ in range(processes)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    if kind == "posix_ipc.Semaphore":
        keep.unlink()
    return total.value / seconds


def contenders() -> list[str]:
    kinds = ["procsync.Lock", "multiprocessing.Lock"]
    return kinds + ["posix_ipc.Semaphore"] if posix_ipc else kinds


# A token there and one back, between two processes: µs.


def tokens(kind: str, name: str, side: int) -> Any:
    name += str(side)
    if kind == "procsync.TokenSemaphore":
        return procsync.TokenSemaphore(name)
    if kind == "fastipc.NamedSemaphore":
        return fastipc.NamedSemaphore(name, initial=0)
    return posix_ipc.Semaphore("/" + name, posix_ipc.O_CREAT, initial_value=0)


def partner(kind: str, name: str, times: int, cpus: set[int]) -> None:
    os.sched_setaffinity(0, cpus)
    ping, pong = tokens(kind, name, 0), tokens(kind, name, 1)
    pong.release()
    for _ in range(times):
        ping.acquire()
        pong.release()


def pingpong(kind: str, one_cpu: bool, times: int = 3_000) -> float:
    name = f"bench{uuid.uuid4().hex[:12]}"
    before = os.sched_getaffinity(0)
    # Not one CPU for each: a process that has only one is right not to spin.
    cpus = {min(before)} if one_cpu else before
    ping, pong = tokens(kind, name, 0), tokens(kind, name, 1)
    arguments = (kind, name, times, cpus)
    child = SPAWN.Process(target=partner, args=arguments)
    child.start()
    os.sched_setaffinity(0, cpus)
    try:
        pong.acquire()
        trips = []
        for _ in range(times):
            began = time.perf_counter_ns()
            ping.release()
            pong.acquire()
            trips.append(time.perf_counter_ns() - began)
    finally:
        os.sched_setaffinity(0, before)
        child.join()
        if kind == "posix_ipc.Semaphore":
            ping.unlink()
            pong.unlink()
    return statistics.median(trips) / 1000


def ponging() -> list[str]:
    kinds = ["procsync.TokenSemaphore"]
    kinds += ["posix_ipc.Semaphore"] if posix_ipc else []
    return kinds + (["fastipc.NamedSemaphore"] if fastipc else [])


# Creating and opening: µs.


def create(kind: str, times: int = 200) -> float:
    began = time.perf_counter_ns()
    for number in range(times):
        name = f"bench-create-{os.getpid()}-{number}"
        if kind == "procsync.Lock":
            procsync.Lock(name, how="create").close()
        else:
            semaphore = posix_ipc.Semaphore("/" + name, posix_ipc.O_CREX, initial_value=1)
            semaphore.unlink()
            semaphore.close()
    return (time.perf_counter_ns() - began) / times / 1000


def reopening(kind: str, times: int = 500) -> float:
    """Another process has it open; this one opens and closes it."""
    name = f"bench-open-{os.getpid()}"
    if kind == "procsync.Lock":
        code = f"import procsync, sys; lock = procsync.Lock({name!r}); print(flush=True); input()"
        import subprocess

        other = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert other.stdout and other.stdin
        other.stdout.readline()
        began = time.perf_counter_ns()
        for _ in range(times):
            procsync.Lock(name).close()
        took = time.perf_counter_ns() - began
        other.communicate(b"\n")
    else:
        semaphore = posix_ipc.Semaphore("/" + name, posix_ipc.O_CREX, initial_value=1)
        began = time.perf_counter_ns()
        for _ in range(times):
            posix_ipc.Semaphore("/" + name).close()
        took = time.perf_counter_ns() - began
        semaphore.unlink()
    return took / times / 1000


# Atomic increments: millions per second.


def increments(times: int = 50_000) -> dict[str, Callable[[], float]]:
    number = raw.AtomicU64(bytearray(8))
    value = SPAWN.Value("Q", 0)

    def fetch_add() -> None:
        for _ in range(times):
            number.fetch_add(1)

    def load_and_cas(number: Any) -> None:
        for _ in range(times):
            while True:
                seen = number.load()
                if number.cas(seen, seen + 1):
                    break

    def mp_value() -> None:
        for _ in range(times):
            with value.get_lock():
                value.value += 1

    def rate(work: Callable[[], None]) -> Callable[[], float]:
        def measure() -> float:
            began = time.perf_counter_ns()
            work()
            return times / (time.perf_counter_ns() - began) * 1000

        return measure

    found = {"procsync fetch_add": rate(fetch_add), "multiprocessing.Value": rate(mp_value)}
    found["procsync load + cas"] = rate(lambda: load_and_cas(number))
    if fastipc:
        theirs = FastipcAtomicU64(memoryview(bytearray(8)))
        found["fastipc load + cas"] = rate(lambda: load_and_cas(theirs))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="*", default=[])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    few = max(3, given.rounds // 5)
    tables: dict[str, tuple[str, Callable[[], Results]]] = {
        "pair": ("uncontended acquire + release, ns", lambda: uncontended(pair, given.rounds)),
        "with": ("uncontended with, ns", lambda: uncontended(with_, given.rounds)),
        "contended": (
            "operations per second, all together",
            lambda: in_turns(
                few,
                {
                    f"{kind}, {count} processes": lambda kind=kind, count=count: contended(kind, count)
                    for count in (2, 8)
                    for kind in contenders()
                },
            ),
        ),
        "pingpong": (
            "round trip p50, µs",
            lambda: in_turns(
                few,
                {
                    f"{kind}, {'one CPU' if one else 'two CPUs'}": lambda kind=kind, one=one: pingpong(kind, one)
                    for one in (False, True)
                    for kind in ponging()
                },
            ),
        ),
        "open": (
            "create + close + remove, and open + close of one in use, µs",
            lambda: in_turns(
                few,
                {
                    f"{kind}, {what.__name__}": lambda kind=kind, what=what: what(kind)
                    for what in (create, reopening)
                    for kind in (["procsync.Lock"] + (["posix_ipc.Semaphore"] if posix_ipc else []))
                },
            ),
        ),
        "atomic": ("millions per second", lambda: in_turns(given.rounds, increments())),
    }
    out: dict[str, Any] = {"python": sys.version, "tables": {}}
    for name, (unit, measure) in tables.items():
        if given.what and name not in given.what:
            continue
        results = measure()
        medians = {who: statistics.median(figures) for who, figures in results.items()}
        out["tables"][name] = {"unit": unit, "medians": medians, "figures": results}
        if not given.json:
            print(f"\n{name}: {unit}")
            for who, figure in medians.items():
                low, high = min(results[who]), max(results[who])
                print(f"  {who:40} {figure:12,.2f}   ({low:,.2f} to {high:,.2f})")
    if given.json:
        json.dump(out, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
