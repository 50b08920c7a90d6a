"""A Python that has just started imports a package: how long that takes."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from ..contenders import PACKAGES
from ..figures import column, table
from ..taking_turns import Bench, Measured
from ..trouble import Failed

CODE = """
import time
begin = time.perf_counter_ns()
import {package}
print(time.perf_counter_ns() - begin)
"""

SLICES = 5


@dataclass(frozen=True)
class Package:
    name: str


def run(bench: Bench) -> list[dict[str, Any]]:
    def measure(package: Package) -> Measured:
        # Not in this directory, and once before, so that what is compiled lies ready.
        command = [sys.executable, "-I", "-c", CODE.format(package=package.name)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode:
            raise Failed((ended.stderr.strip().splitlines() or ["it failed"])[-1])
        return [int(ended.stdout) / 1e6], None

    packages = [Package(name) for name in ["threading", "multiprocessing.synchronize", *PACKAGES]]
    entrants = [package for package in packages if not bench.chosen or package.name in bench.chosen]
    rows = bench.rounds("import", entrants, measure, SLICES)
    return [table("import", "", [column("ms")], rows)]
