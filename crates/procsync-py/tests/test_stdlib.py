"""CPython's own tests of locks, run on ours: what `threading` promises holds here too."""

from __future__ import annotations

import sys
import unittest

import procsync
import pytest
from conftest import skip

try:
    from test import lock_tests
except ImportError:  # Debian has it in a package of its own, libpython3-testsuite.
    lock_tests = None

# What they test beyond the behaviour that is promised.
LEFT_OUT = {
    # Ours is bounded, and says how many of how many.
    ("Semaphore", "test_repr"),
    # Of the implementation in Python: they look at its insides.
    ("Event", "test_reset_internal_locks"),
    ("Event", "test_at_fork_reinit"),
}


def cases():
    if lock_tests is None:
        return

    def make(name, base, kind_of, kind):
        return type(name, (base,), {kind_of: staticmethod(kind), "__module__": __name__})

    yield make("Lock", lock_tests.LockTests, "locktype", procsync.Lock)
    yield make("RLock", lock_tests.RLockTests, "locktype", procsync.RLock)
    yield make("Event", lock_tests.EventTests, "eventtype", procsync.Event)
    yield make(
        "Semaphore",
        lock_tests.BoundedSemaphoreTests,
        "semtype",
        lambda value=1: procsync.Semaphore(None, value),
    )


def all_of_them():
    for case in cases():
        for test in unittest.TestLoader().loadTestsFromTestCase(case):
            if (case.__name__, test._testMethodName) not in LEFT_OUT:
                yield pytest.param(test, id=f"{case.__name__}-{test._testMethodName}")


@pytest.mark.parametrize("test", list(all_of_them()) or [None])
def test_as_cpython_tests_its_own(test):
    if test is None:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        skip("test_stdlib", f"this Python {version} comes without its own tests (test.lock_tests)")
    result = unittest.TestResult()
    test.run(result)
    assert not result.errors and not result.failures, (result.errors + result.failures)[0][1]
