"""Pairs under pytest-benchmark: `pip install pytest-benchmark`, `pytest crates/procsync-py/benches`."""

from __future__ import annotations

import compare
import pytest

LOCKS = compare.locks()


@pytest.mark.parametrize("name", LOCKS)
@pytest.mark.benchmark(group="acquire + release")
def test_pair(benchmark, name):
    lock = LOCKS[name]

    def pair():
        lock.acquire()
        lock.release()

    benchmark(pair)


@pytest.mark.parametrize("name", LOCKS)
@pytest.mark.benchmark(group="with")
def test_with(benchmark, name):
    lock = LOCKS[name]

    def pair():
        with lock:
            pass

    benchmark(pair)


@pytest.mark.slow
@pytest.mark.parametrize("processes", [2, 8])
@pytest.mark.parametrize("name", compare.contenders())
def test_contended(name, processes):
    assert compare.contended(name, processes) > 0
