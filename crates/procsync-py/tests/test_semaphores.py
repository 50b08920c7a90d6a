"""`Semaphore`, whose permits have holders, and `TokenSemaphore`, whose tokens have none."""

from __future__ import annotations

import os
import re
import threading
import time

import procsync
import pytest
from conftest import eventually
from test_lock import in_thread


def test_as_many_are_inside_as_there_are_permits(name):
    semaphore = procsync.Semaphore(name, 3)
    assert (semaphore.capacity, semaphore.available, semaphore.indexes) == (3, 3, [])
    assert [semaphore.acquire(False) for _ in range(4)] == [True, True, True, False]
    assert semaphore.available == 0
    assert sorted(semaphore.indexes) == [0, 1, 2]
    assert [holder.pid for holder in semaphore.holders] == [os.getpid()] * 3
    assert semaphore.acquire(timeout=0.02) is False
    semaphore.release(3)
    assert (semaphore.available, semaphore.indexes) == (3, [])


def test_the_last_acquired_is_released_first(name):
    semaphore = procsync.Semaphore(name, 3)
    for _ in range(3):
        semaphore.acquire()
    first, second, third = semaphore.indexes
    semaphore.release()
    assert semaphore.indexes == [first, second]
    with semaphore:
        assert semaphore.indexes == [first, second, third]
    semaphore.release(n=2)


def test_more_cannot_be_released_than_was_acquired(name):
    semaphore, other = procsync.Semaphore(name, 2), procsync.Semaphore(name, 2)
    with pytest.raises(ValueError) as caught:
        semaphore.release()
    assert isinstance(caught.value, procsync.NotAcquiredError)
    assert caught.value.name == name
    other.acquire()
    with pytest.raises(ValueError):
        semaphore.release()
    semaphore.acquire()
    with pytest.raises(ValueError):
        semaphore.release(2)
    assert semaphore.available == 0
    for wrong in (0, -1):
        with pytest.raises(ValueError):
            semaphore.release(wrong)
    with pytest.raises(TypeError):
        semaphore.release("1")
    semaphore.release()
    other.release()
    assert semaphore.available == 2


def test_another_thread_of_the_process_may_release_a_permit(name):
    semaphore = procsync.Semaphore(name)
    semaphore.acquire()
    in_thread(semaphore.release)
    assert semaphore.available == 1


def test_several_permits_are_acquired_together(name):
    semaphore = procsync.Semaphore(name, 4)
    assert semaphore.acquire_many(3)
    assert semaphore.acquire_many(2, blocking=False) is False
    assert semaphore.acquire_many(2, timeout=0.02) is False
    assert len(semaphore.indexes) == 3
    semaphore.release(2)
    assert semaphore.acquire_many(2)
    semaphore.release(3)
    for wrong in (0, 5):
        with pytest.raises(ValueError):
            semaphore.acquire_many(wrong)


def test_what_a_semaphore_refuses(name):
    for wrong in (0, -1, 2**20 + 1, 2**40):
        with pytest.raises(ValueError):
            procsync.Semaphore(name, wrong)
    semaphore = procsync.Semaphore(name, 3)
    with pytest.raises(ValueError) as caught:
        procsync.Semaphore(name, 4)
    assert isinstance(caught.value, procsync.MismatchError)
    assert procsync.Semaphore(name, how="attach").capacity == 3
    with pytest.raises(ValueError):
        semaphore.acquire(False, 1)
    with pytest.raises(ValueError):
        semaphore.acquire(timeout=-2)
    with pytest.raises(OverflowError):
        semaphore.acquire(timeout=1e11)


def test_permits_are_handed_over(name, threads):
    semaphore = procsync.Semaphore(name, 2)
    most, inside, lock = [0], [0], threading.Lock()

    def work():
        for _ in range(50):
            with semaphore:
                with lock:
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                time.sleep(0)
                with lock:
                    inside[0] -= 1

    for thread in [threads(work) for _ in range(6)]:
        thread.join()
    assert 1 <= most[0] <= 2 and inside[0] == 0
    assert semaphore.available == 2


def test_hold_of_a_permit(name):
    semaphore = procsync.Semaphore(name)
    with semaphore.hold(timeout=1) as held:
        assert held.indexes == [0]
        with pytest.raises(TimeoutError) as caught, semaphore.hold(timeout=0.02):
            pass
        assert caught.value.holder.pid == os.getpid()
    assert semaphore.available == 1


def test_semaphores_show_themselves(name):
    semaphore = procsync.Semaphore(name, 4)
    semaphore.acquire()
    shown = rf"<procsync\.Semaphore at 0x[0-9a-f]+ '{name}': value=3/4>"
    assert re.fullmatch(shown, repr(semaphore))
    semaphore.close()
    assert repr(semaphore).endswith(": closed>")
    tokens = procsync.TokenSemaphore(None, 7)
    assert repr(tokens).endswith(f" '{tokens.name}': value=7>")


def test_tokens_are_counted(name):
    tokens = procsync.TokenSemaphore(name, 2)
    assert [tokens.acquire(False) for _ in range(3)] == [True, True, False]
    assert tokens.acquire(timeout=0.02) is False
    tokens.release()
    tokens.release(3)
    assert tokens.value == 4
    with tokens:
        assert tokens.value == 3
    assert procsync.TokenSemaphore(name, 99).value == 4


def test_tokens_are_not_counted_past_their_limit(name):
    tokens = procsync.TokenSemaphore(name, 2**32 - 2)
    tokens.release()
    for count in (1, 2, 2**32 - 1, 2**40):
        with pytest.raises(OverflowError):
            tokens.release(count)
    assert tokens.value == 2**32 - 1
    for wrong in (0, -1):
        with pytest.raises(ValueError):
            tokens.release(wrong)
    for wrong in (-1, 2**32):
        with pytest.raises(ValueError):
            procsync.TokenSemaphore(None, wrong)


def test_two_quick_releases_wake_two(name, threads):
    tokens = procsync.TokenSemaphore(name)
    waiters = [threads(tokens.acquire) for _ in range(2)]
    eventually(lambda: len(tokens.waiters) == 2)
    tokens.release()
    tokens.release()
    for waiter in waiters:
        waiter.join(60)
        assert not waiter.is_alive()
    assert tokens.value == 0
