"""`Lock` and `RLock`: the habits of `threading`, and what goes beyond."""

from __future__ import annotations

import gc
import os
import re
import threading
import time
import weakref

import procsync
import pytest
from conftest import eventually

BOTH = pytest.mark.parametrize("kind", [procsync.Lock, procsync.RLock])


def in_thread(function):
    answer = []
    thread = threading.Thread(target=lambda: answer.append(function()))
    thread.start()
    thread.join()
    return answer[0]


@BOTH
def test_it_is_acquired_and_released(kind, name):
    lock = kind(name)
    assert not lock.locked()
    assert lock.acquire() is True
    assert lock.locked()
    assert lock.release() is None
    assert not lock.locked()
    with lock as entered:
        assert entered is True
        assert lock.locked()
    assert not lock.locked()
    with pytest.raises(KeyError), lock:
        raise KeyError
    assert not lock.locked()


@BOTH
@pytest.mark.parametrize(
    "arguments, keywords",
    [
        ((False,), {}),
        ((0,), {}),
        ((), {"blocking": False}),
        ((True, 0), {}),
        ((True, 0.02), {}),
        ((), {"timeout": 0.02}),
        ((), {"blocking": True, "timeout": 0.02}),
        ((False, -1), {}),
    ],
)
def test_what_cannot_be_had_is_false(kind, name, arguments, keywords):
    lock = kind(name)
    assert lock.acquire(*arguments, **keywords) is True
    lock.release()
    with lock:
        assert in_thread(lambda: lock.acquire(*arguments, **keywords)) is False


@BOTH
def test_arguments_that_make_no_sense_are_refused_as_by_threading(kind, name):
    lock = kind(name)
    for other in (lock, threading.Lock()):
        with pytest.raises(ValueError):
            other.acquire(False, 1)
        with pytest.raises(ValueError):
            other.acquire(0, timeout=0)
        with pytest.raises(ValueError):
            other.acquire(timeout=-2)
        with pytest.raises(OverflowError):
            other.acquire(timeout=1e100)
        with pytest.raises(OverflowError):
            other.acquire(timeout=threading.TIMEOUT_MAX + 1)
        with pytest.raises(ValueError):
            other.acquire(timeout=float("nan"))
        with pytest.raises(TypeError):
            other.acquire(timeout="1")
        with pytest.raises(TypeError):
            other.acquire(True, 1, 2)
        with pytest.raises(TypeError):
            other.acquire(wait=True)
        with pytest.raises(TypeError):
            other.acquire(True, blocking=True)
    assert not lock.locked()
    assert lock.acquire(timeout=threading.TIMEOUT_MAX)
    lock.release()
    assert lock.acquire(timeout=None)
    lock.release()


@BOTH
def test_a_timeout_is_kept(kind, name):
    lock = kind(name)
    with lock:
        began = time.monotonic()
        assert in_thread(lambda: lock.acquire(timeout=0.1)) is False
        assert time.monotonic() - began >= 0.1


@BOTH
def test_releasing_what_is_not_held_is_an_error(kind, name):
    lock = kind(name)
    with pytest.raises(RuntimeError) as caught:
        lock.release()
    assert isinstance(caught.value, procsync.NotOwnerError)
    assert caught.value.name == name
    with lock:
        pass
    with pytest.raises(RuntimeError):
        lock.release()
    assert not lock.locked()


def test_any_thread_of_the_process_may_release_a_lock(name):
    lock = procsync.Lock(name)
    lock.acquire()
    in_thread(lock.release)
    assert not lock.locked()
    in_thread(lock.acquire)
    assert lock.locked()
    lock.release()


def test_another_thread_may_not_release_an_rlock(name):
    lock = procsync.RLock(name)
    with lock:

        def release():
            with pytest.raises(RuntimeError) as caught:
                lock.release()
            return caught.value

        error = in_thread(release)
        assert isinstance(error, procsync.NotOwnerError)
        assert error.holder.pid == os.getpid()
        assert error.holder.tid == threading.get_native_id()
        assert lock.locked()


def test_a_lock_that_is_locked_twice_waits_for_another_thread(name, threads):
    lock = procsync.Lock(name)
    lock.acquire()
    assert lock.acquire(timeout=0.01) is False
    threads(lambda: (eventually(lambda: lock.waiters), lock.release()))
    assert lock.acquire()
    lock.release()


def test_layers_of_an_rlock(name):
    lock, again = procsync.RLock(name), procsync.RLock(name)
    assert lock.depth == 0
    with lock:
        with again:
            assert lock.acquire(blocking=False)
            assert (lock.depth, again.depth) == (3, 3)
            assert in_thread(lambda: lock.depth) == 0
            lock.release()
            assert in_thread(lambda: lock.acquire(False)) is False
        assert lock.depth == 1
    assert not lock.locked()
    with pytest.raises(RuntimeError):
        lock.release()


def test_a_condition_can_use_either(name, threads):
    for lock in (procsync.Lock(name), procsync.RLock(name + "r")):
        condition = threading.Condition(lock)
        came = []
        with condition:
            if isinstance(lock, procsync.RLock):
                lock.acquire()  # A wait gives all layers back, and takes them again.
            threads(notify, condition, came)
            assert condition.wait_for(lambda: came, timeout=30)
            if isinstance(lock, procsync.RLock):
                assert lock.depth == 2
                lock.release()
        assert not lock.locked()


def notify(condition, came):
    with condition:
        came.append(True)
        condition.notify_all()


@BOTH
def test_eight_threads_count_together(kind, name, threads):
    lock = kind(name)
    count = [0]

    def work():
        for _ in range(500):
            with lock:
                seen = count[0]
                time.sleep(0)
                count[0] = seen + 1

    for thread in [threads(work) for _ in range(8)]:
        thread.join()
    assert count[0] == 4000


@BOTH
def test_a_waiting_thread_does_not_hold_the_interpreter_up(kind, name, threads):
    lock = kind(name)
    ran = threading.Event()
    with lock:
        threads(lambda: lock.acquire() and lock.release())
        eventually(lambda: lock.waiters)
        threads(ran.set)
        assert ran.wait(30)


@BOTH
def test_who_holds_and_who_waits(kind, name, threads):
    lock = kind(name)
    assert lock.owner is None
    assert lock.waiters == []
    before = time.time()
    with lock:
        owner = lock.owner
        assert owner.pid == os.getpid()
        assert owner.tid == threading.get_native_id()
        assert owner.command
        assert abs(owner.since - before) < 30
        assert owner.duration >= 0
        assert not owner.dead
        threads(lambda: lock.acquire() and lock.release())
        [waiter] = eventually(lambda: lock.waiters)
        assert waiter.pid == os.getpid()
        assert waiter.tid not in (0, owner.tid)


@BOTH
def test_hold_waits_for_a_while_and_then_raises(kind, name):
    lock = kind(name)
    with lock.hold(timeout=5) as held:
        assert held is lock
        assert lock.locked()

        def refused():
            with pytest.raises(TimeoutError) as caught, lock.hold(timeout=0.05):
                raise AssertionError("it is held")
            return caught.value

        error = in_thread(refused)
        assert isinstance(error, procsync.TimedOutError)
        assert error.name == name
        assert error.holder.pid == os.getpid()
        assert 0.05 <= error.waited < 30
        assert f'"{name}"' in str(error) and str(os.getpid()) in str(error)
    assert not lock.locked()
    with pytest.raises(ValueError):
        lock.hold(timeout=-3)


@BOTH
def test_each_acquisition_has_a_number(kind, name):
    lock, again = kind(name), kind(name)
    assert lock.grant == 0
    with lock:
        first = lock.grant
    with again:
        assert again.grant == first + 1
    assert lock.grant == first


@BOTH
def test_force_release_takes_it_away(kind, name):
    lock = kind(name)
    assert lock.force_release() is False
    lock.acquire()
    assert lock.force_release() is True
    assert not lock.locked()
    with pytest.raises(RuntimeError):
        lock.release()
    lock.acquire()
    assert lock.abandoned.cause == "forced"
    assert lock.abandoned.pid == os.getpid()
    lock.release()
    lock.acquire()
    assert lock.abandoned is None
    lock.release()


def test_a_policy_for_what_was_abandoned(name):
    report = procsync.Lock(name)
    refuse = procsync.Lock(name, on_abandoned="refuse")
    ignore = procsync.Lock(name, on_abandoned="ignore")
    assert (report.on_abandoned, refuse.on_abandoned) == ("report", "refuse")

    def abandon():
        report.acquire()
        report.force_release()

    abandon()
    for attempt in (refuse.acquire, lambda: refuse.acquire(False), refuse.hold(1).__enter__):
        with pytest.raises(procsync.AbandonedError) as caught:
            attempt()
        assert caught.value.died.cause == "forced"
    refuse.repair()
    assert refuse.abandoned is not None
    refuse.release()
    with refuse:
        assert refuse.abandoned is None
    abandon()
    with ignore:
        assert ignore.abandoned is None
    with pytest.raises(ValueError):
        procsync.Lock(on_abandoned="panic")


@BOTH
def test_it_shows_itself(kind, name):
    lock = kind(name)
    shown = rf"<unlocked procsync\.{kind.__name__} object '{name}' at 0x[0-9a-f]+>"
    assert re.fullmatch(shown, repr(lock))
    with lock:
        assert re.match(rf"<locked .* object '{name}' held by pid {os.getpid()}.* at 0x", repr(lock))
    lock.close()
    assert re.match(r"<closed .* object ", repr(lock))


@BOTH
def test_a_handle_can_be_closed(kind, name, directory):
    lock, again = kind(name), kind(name)
    lock.close()
    lock.close()
    assert lock.closed and not again.closed
    for use in (lock.acquire, lock.release, lock.locked, lock.__enter__, lambda: lock.owner):
        with pytest.raises(ValueError) as caught:
            use()
        assert isinstance(caught.value, procsync.ClosedError)
    with again:
        pass
    again.close()
    assert not list(directory.glob(f"*/{name}"))


@BOTH
def test_it_can_be_closed_while_others_wait(kind, name, threads):
    lock, other = kind(name), kind(name)
    waited = []
    with lock:
        thread = threads(lambda: (waited.append(other.acquire()), lock.locked()))
        eventually(lambda: lock.waiters)
        other.close()
    thread.join(30)
    assert waited == [True]


@BOTH
def test_weak_references(kind, name):
    lock = kind(name)
    reference = weakref.ref(lock)
    assert reference() is lock
    del lock
    gc.collect()
    assert reference() is None


@BOTH
def test_subclasses(kind, name):
    class Own(kind):
        def twice(self):
            return 2

    lock = Own(name)
    with lock:
        assert lock.locked()
    assert lock.twice() == 2
    assert "Own object" in repr(lock)


def test_how_it_is_opened(name):
    with pytest.raises(FileNotFoundError):
        procsync.Lock(name, how="attach")
    lock = procsync.Lock(name, how="create")
    with pytest.raises(FileExistsError):
        procsync.Lock(name, how="create")
    with lock, pytest.raises(TypeError):
        procsync.RLock(name)
    with procsync.Lock(name, how="attach"):
        assert lock.locked()
    for wrong in (
        {"how": "perhaps"},
        {"scope": "galaxy"},
        {"scope": "machine"},
        {"mode": 0o600},
        {"spin": "often"},
        {"participants": 0},
    ):
        with pytest.raises(ValueError):
            procsync.Lock(name, **wrong)
    with pytest.raises(TypeError):
        procsync.Lock(name, colour="red")
    with pytest.raises(ValueError):
        procsync.Lock(how="attach")
    with pytest.raises(ValueError):
        procsync.Lock("a/b")
    for right in ({"spin": "never"}, {"spin": 100}, {"spin": "adaptive"}, {"participants": 7}):
        procsync.Lock(**right)


def test_a_persistent_one_stays_until_it_is_removed(name):
    procsync.Lock(name, persistent=True).close()
    lock = procsync.Lock(name, how="attach")
    lock.remove()
    lock.close()
    with pytest.raises(FileNotFoundError):
        procsync.Lock(name, how="attach")
    procsync.Lock(name, persistent=True).close()
    assert procsync.remove(name) is True
    assert procsync.remove(name) is False


def test_when_it_was_last_acquired(name):
    lock = procsync.Lock(name)
    assert lock.last_acquired is None
    before = time.time()
    with lock:
        pass
    assert abs(lock.last_acquired - before) < 30
