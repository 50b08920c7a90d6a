"""Pairs under pytest-benchmark: `pip install pytest-benchmark`, `pytest crates/procsync-py/benches`.

The contenders are those of `cargo xtask bench python`.
"""

from __future__ import annotations

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "procsync-bench" / "python"))

from pybench.contenders import LOCKS, Place  # noqa: E402


@pytest.fixture(params=LOCKS, ids=lambda kind: kind.name)
def lock(request, tmp_path):
    kind, place = request.param, Place(tmp_path, f"test-pairs-{os.getpid()}")
    made = kind.create(place)
    yield made
    kind.close(made)
    del made
    kind.remove(place)


@pytest.mark.benchmark(group="acquire + release")
def test_pair(benchmark, lock):
    def pair():
        lock.acquire()
        lock.release()

    benchmark(pair)


@pytest.mark.benchmark(group="with")
def test_with(benchmark, lock):
    if not hasattr(type(lock), "__enter__"):
        pytest.skip("it is no context manager")

    def pair():
        with lock:
            pass

    benchmark(pair)
