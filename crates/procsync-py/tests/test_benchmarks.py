"""The benchmarks of Python's locks (`cargo xtask bench python`) run, notice what is wrong, and leave nothing behind."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

FOLDER = pathlib.Path(__file__).parents[2] / "procsync-bench" / "python"

LIMIT = 300.0
"""Seconds that only a true failure reaches."""

SMALL = ["--seconds", "0.05", "--runs", "2", "--kills", "2", "--processes", "2"]


def run(tmp_path, *arguments):
    """Its exit code, and its tables by workload."""
    results = tmp_path / "results.json"
    ended = subprocess.run(
        [sys.executable, "-B", "-m", "pybench", *SMALL, *arguments, "--json", str(results)],
        env={**os.environ, "PYTHONPATH": str(FOLDER)},
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert results.exists(), ended.stderr
    read = json.loads(results.read_text())
    assert read["complete"], ended.stderr
    return ended.returncode, read["tables"]


def left_in_memory():
    return {path.name for path in pathlib.Path("/dev/shm").glob("*procsync-bench-*")}


def test_every_workload_has_figures_for_every_contender_and_leaves_nothing_behind(tmp_path, directory):
    before = left_in_memory()
    locks = ["procsync.Lock", "procsync.raw.Mutex", "threading.Lock", "multiprocessing.Lock"]
    tokens = ["procsync.TokenSemaphore", "multiprocessing.Semaphore"]
    works = ["pair", "contended", "pingpong", "open", "recovery", "import"]
    code, tables = run(tmp_path, *works, "--contenders", ",".join([*locks, *tokens]))
    assert code == 0, tables

    found = {(table["workload"], table["setting"]): table for table in tables}
    assert {"python pair", "python contended", "python open", "python recovery"} <= {key[0] for key in found}
    assert ("python pingpong", "one CPU") in found
    for (workload, _), table in found.items():
        asked = tokens if workload == "python pingpong" else locks
        assert [row["contender"] for row in table["rows"]] == asked
        for row in table["rows"]:
            if row["contender"] == "threading.Lock" and workload != "python pair":
                assert row["not_run"] == "one process"
            elif workload == "python recovery" and row["contender"] in ("procsync.raw.Mutex", "multiprocessing.Lock"):
                assert row["not_run"] == "blocks for ever"
            else:
                assert len(row["runs"]) == 2, row
                assert all(len(figures) == len(table["columns"]) for figures in row["runs"]), row
                assert all(figure is None or figure > 0 for figures in row["runs"] for figure in figures), row
    assert left_in_memory() <= before
    assert not list(directory.rglob("*procsync-bench-*"))


def test_a_lock_that_does_not_exclude_is_found_out(tmp_path):
    _, tables = run(tmp_path, "contended", "--contenders", "none", "--seconds", "0.5")
    assert "does not exclude" in tables[0]["rows"][0]["failed"]
