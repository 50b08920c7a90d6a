"""The machine on which the figures were made, and how quiet it was meanwhile: what the other benchmarks tell of it too."""

from __future__ import annotations

import os
import platform
import re
import resource
import statistics
import time
from importlib import metadata
from typing import Any

from .figures import NONE, quantile


def read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def found(pattern: str, text: str, otherwise: str) -> str:
    match = re.search(pattern, text, re.MULTILINE)
    return match.group(1).strip() if match else otherwise


def describe() -> dict[str, Any]:
    memory = found(r"^MemTotal:\s*(\d+)", read("/proc/meminfo"), "")
    huge_pages = read("/sys/kernel/mm/transparent_hugepage/enabled")
    return {
        "cpu": found(r"^model name\s*:(.*)$", read("/proc/cpuinfo"), "unknown"),
        "cpus": len(os.sched_getaffinity(0)),
        "memory_gib": int(memory or 0) / (1 << 20),
        "kernel": platform.release(),
        "c_library": " ".join(platform.libc_ver()),
        "huge_pages": found(r"\[(\w+)\]", huge_pages, "unknown"),
        "optimised_build": True,
    }


def programs(packages: list[str]) -> str:
    """The interpreter and the packages that take part, with their versions."""
    versions = []
    for package in packages:
        try:
            versions.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            continue
    return ", ".join([f"{platform.python_implementation()} {platform.python_version()}", *versions])


def own_seconds() -> float:
    """The processor time of this program and its workers, as far as they have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def ticks() -> tuple[float, float, float]:
    """Clock ticks of all processors: used, idle, given to others by the hypervisor."""
    line = read("/proc/stat").split("\n", 1)[0].split()
    numbers = [float(number) for number in line[1:9]]
    if len(numbers) < 8:
        return (0.0, 0.0, 0.0)
    user, nice, system, idle, waiting, interrupts, soft, stolen = numbers
    return (user + nice + system + interrupts + soft, idle + waiting, stolen)


class Noise:
    """Samples of a loop that always does the same, taken between measurements."""

    def __init__(self) -> None:
        self._samples: list[float] = []
        self._before = ticks()
        self._own_before = own_seconds()

    def sample(self) -> None:
        """Does the loop once more: about a millisecond."""
        begin = time.perf_counter_ns()
        for _ in range(30_000):
            pass
        self._samples.append((time.perf_counter_ns() - begin) / 1e3)

    def report(self) -> dict[str, Any]:
        ordered = sorted(self._samples)
        used, idle, stolen = (after - before for after, before in zip(ticks(), self._before))
        everything = used + idle + stolen
        own = (own_seconds() - self._own_before) * os.sysconf("SC_CLK_TCK")
        return {
            "samples": len(ordered),
            "fastest_us": ordered[0] if ordered else NONE,
            "median_us": statistics.median(ordered) if ordered else NONE,
            "p95_us": quantile(ordered, 0.95),
            "slowest_us": ordered[-1] if ordered else NONE,
            "stolen_percent": 100 * stolen / everything if everything else NONE,
            "others_percent": 100 * max(used - own, 0) / everything if everything else NONE,
        }
