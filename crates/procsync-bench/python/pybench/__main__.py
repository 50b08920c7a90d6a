"""What was typed, and what becomes of it."""

from __future__ import annotations

import argparse
import json
import pathlib
import sys
import time
from typing import Any

from . import machine
from .contenders import LEFT_OUT, LOCKS, PACKAGES, TOKENS
from .crew import scratch
from .figures import without_nan
from .taking_turns import Bench
from .workloads import atomic, contended, importing, opening, pair, pingpong, recovery

WORKLOADS = {
    "pair": pair.run,
    "contended": contended.run,
    "pingpong": pingpong.run,
    "open": opening.run,
    "recovery": recovery.run,
    "atomic": atomic.run,
    "import": importing.run,
}

OURS = "procsync"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="pybench", description="procsync and what Python programs use else")
    names = [kind.name for kind in [*LOCKS, *TOKENS]]
    parser.add_argument(
        "workloads", nargs="*", metavar="WORKLOAD", help=f"of {', '.join(WORKLOADS)}; all if none is named"
    )
    parser.add_argument(
        "--contenders",
        default="",
        metavar="NAMES",
        help="who takes part, with commas; all if nobody is named",
    )
    parser.add_argument("--seconds", type=float, help="how long one measurement takes (0.5; quick: 0.2)")
    parser.add_argument(
        "--runs", type=int, help="how often everything is measured; figures are medians (5; quick: 2)"
    )
    parser.add_argument(
        "--kills", type=int, help="recovery: how many holders are killed in a run (10; quick: 3)"
    )
    parser.add_argument("--processes", default="2,8", help="contended: how many processes (2,8)")
    parser.add_argument("--quick", action="store_true", help="a first impression, in a minute or two")
    parser.add_argument("--json", metavar="FILE", help="write all results, run by run, to this file")
    parser.add_argument("--list", action="store_true", help="say who can take part, and measure nothing")
    given = parser.parse_args()
    given.contenders = [name for name in given.contenders.split(",") if name]
    given.processes = [int(number) for number in given.processes.split(",")]
    given.seconds = given.seconds or (0.2 if given.quick else 0.5)
    given.runs = given.runs or (2 if given.quick else 5)
    given.kills = given.kills or (3 if given.quick else 10)
    for name in given.contenders:
        if name not in names:
            parser.error(f"no contender is called {name}; --list shows them")
    for name in given.workloads:
        if name not in WORKLOADS:
            parser.error(f"no workload is called {name}; there are {', '.join(WORKLOADS)}")
    if not all(1 <= number <= 32 for number in given.processes) or given.seconds <= 0 or given.runs < 1:
        parser.error("1 to 32 processes, seconds above 0, one run at least")
    return given


def main() -> int:
    given = arguments()
    if given.list:
        for kind in [*LOCKS, *TOKENS]:
            print(f"{kind.name:<34}{(sys.modules[kind.__module__].__doc__ or '').splitlines()[0]}")
        print("".join(f"without {left_out}\n" for left_out in LEFT_OUT), end="")
        return 0
    tables: list[dict[str, Any]] = []
    noise, complete, began = machine.Noise(), False, time.monotonic()
    with scratch() as directory:
        bench = Bench(
            directory, noise, given.seconds, given.runs, given.kills, given.processes, given.contenders
        )
        try:
            for name in given.workloads or WORKLOADS:
                tables += [table for table in WORKLOADS[name](bench) if table["rows"]]
            complete = True
        except KeyboardInterrupt:
            print("ended early", file=sys.stderr)
    results = {
        "machine": machine.describe(),
        "noise": noise.report(),
        "left_out": LEFT_OUT,
        "programs": machine.programs(PACKAGES),
        "settings": {"seconds": given.seconds, "runs": given.runs},
        "took_seconds": time.monotonic() - began,
        "complete": complete,
        "tables": tables,
    }
    text = json.dumps(without_nan(results), ensure_ascii=False, indent=1)
    if given.json:
        pathlib.Path(given.json).write_text(text + "\n")
    else:
        print(text)
    failed = [
        (row["contender"], row["failed"]) for table in tables for row in table["rows"] if "failed" in row
    ]
    for contender, why in failed:
        print(f"{contender}: FAILED: {why}", file=sys.stderr)
    # That a peer breaks is a finding, and shown as such; that ours does must not be.
    ours = any(contender.startswith(OURS) for contender, _ in failed)
    return 1 if ours else 0 if complete else 130


if __name__ == "__main__":
    sys.exit(main())
