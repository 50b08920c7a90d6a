"""asyncio: the loop never blocks, and a cancelled wait leaves nothing held."""

from __future__ import annotations

import asyncio
import threading
import time

import procsync
import pytest
from conftest import LIMIT, eventually
from test_lock import in_thread

OWNED = pytest.mark.parametrize(
    "kind", [procsync.Lock, procsync.RLock, procsync.Semaphore, lambda name: procsync.TokenSemaphore(name, 1)]
)


async def until(condition):
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.002)


def is_free(what):
    if isinstance(what, (procsync.Lock, procsync.RLock)):
        return not what.locked()
    if isinstance(what, procsync.Semaphore):
        return what.available == what.capacity
    return what.value == 1


@OWNED
def test_async_with(kind, name):
    what = kind(name)

    async def main():
        async with what:
            assert not is_free(what)
            assert in_thread(lambda: what.acquire(False)) is False
        assert is_free(what)
        assert await what.acquire_async(timeout=1) is True
        assert not is_free(what)
        await (what.release_async() if isinstance(what, procsync.RLock) else nothing(what.release()))
        assert is_free(what)

    asyncio.run(main())


async def nothing(_):
    pass


@OWNED
def test_the_loop_goes_on_while_a_task_waits(kind, name):
    what = kind(name)

    async def main():
        what.acquire()
        ticks = 0

        async def wait():
            async with what:
                return ticks

        task = asyncio.create_task(wait())
        await until(lambda: what.waiters)
        for _ in range(10):
            await asyncio.sleep(0.001)
            ticks += 1
        assert not task.done()
        what.release()
        assert await asyncio.wait_for(task, LIMIT) >= 10
        assert is_free(what)

    asyncio.run(main())


@OWNED
def test_a_timeout_is_false(kind, name):
    what = kind(name)

    async def main():
        what.acquire()
        began = time.monotonic()
        assert await what.acquire_async(timeout=0.05) is False
        assert time.monotonic() - began >= 0.05
        with pytest.raises(ValueError):
            await what.acquire_async(timeout=-2)
        what.release()
        assert is_free(what)

    asyncio.run(main())


@OWNED
def test_a_cancelled_wait_leaves_nothing_held(kind, name):
    what = kind(name)

    async def main():
        what.acquire()
        task = asyncio.create_task(what.acquire_async())
        await until(lambda: what.waiters)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: not what.waiters)
        what.release()
        assert is_free(what)
        assert in_thread(lambda: what.acquire(timeout=LIMIT)) is True

    asyncio.run(main())


@OWNED
def test_whenever_a_wait_is_cancelled_it_is_all_or_nothing(kind, name):
    """The wait is over and the task is cancelled at about the same moment."""
    what = kind(name)

    async def main():
        outcomes = {"cancelled": 0, "got": 0}
        for turn in range(150):
            what.acquire()
            task = asyncio.create_task(what.acquire_async())
            await until(lambda: what.waiters)
            what.release()
            await asyncio.sleep((turn % 15) * 0.0001)
            task.cancel()

            async def finish(task=task):
                try:
                    assert await task
                except asyncio.CancelledError:
                    return "cancelled"
                return "got"

            outcome = await finish()
            outcomes[outcome] += 1
            if outcome == "got":
                if isinstance(what, procsync.RLock):
                    # Its task has ended with it: the next one is told so.
                    await until(lambda: is_free(what))
                else:
                    what.release()
            await until(lambda: is_free(what))
        assert outcomes["cancelled"], outcomes

    asyncio.run(main())


def test_a_hundred_tasks_wait_at_once(name):
    """More than the default executor has threads; they do not wait for each other's threads."""
    lock = procsync.Lock(name)
    count = 0

    async def work():
        nonlocal count
        async with lock:
            seen = count
            await asyncio.sleep(0)
            count = seen + 1

    async def main():
        await asyncio.wait_for(asyncio.gather(*[work() for _ in range(100)]), LIMIT)

    asyncio.run(main())
    assert count == 100
    assert not lock.locked()


def test_a_task_owns_an_rlock(name):
    lock = procsync.RLock(name)

    async def other():
        with pytest.raises(RuntimeError):
            await lock.release_async()
        return await lock.acquire_async(timeout=0.02)

    async def main():
        async with lock:
            async with lock:
                assert await asyncio.create_task(other()) is False
            assert lock.locked()
            assert await asyncio.create_task(other()) is False
        assert not lock.locked()
        with pytest.raises(procsync.NotOwnerError):
            await lock.release_async()

    asyncio.run(main())


def test_a_task_that_ends_with_an_rlock_leaves_it_abandoned(name):
    lock = procsync.RLock(name)

    async def main():
        assert await asyncio.create_task(lock.acquire_async())
        await until(lambda: not lock.locked())

    asyncio.run(main())
    with lock:
        assert lock.abandoned.cause == "thread exited"


def test_an_event_is_waited_for(name):
    event = procsync.Event(name)

    async def main():
        assert await event.wait_async(timeout=0.02) is False
        task = asyncio.create_task(event.wait_async())
        await until(lambda: event.waiters)
        event.set()
        assert await task is True
        assert await event.wait_async() is True

    asyncio.run(main())


def test_a_cancelled_wait_for_an_event_consumes_no_setting(name):
    event = procsync.Event(name, auto_reset=True)

    async def main():
        for turn in range(60):
            task = asyncio.create_task(event.wait_async())
            await until(lambda: event.waiters)
            event.set()
            await asyncio.sleep((turn % 10) * 0.0001)
            task.cancel()
            try:
                assert await task
            except asyncio.CancelledError:
                await until(event.is_set)
                event.clear()
            else:
                assert not event.is_set()

    asyncio.run(main())


def test_tasks_do_not_keep_a_program_from_ending(name, child):
    lock = procsync.Lock(name)
    code = """
    import asyncio, sys, procsync
    lock = procsync.Lock(sys.argv[1])
    async def main():
        task = asyncio.create_task(lock.acquire_async())
        while not lock.waiters:
            await asyncio.sleep(0.002)
        print("waits")
    asyncio.run(main())
    """
    with lock:
        process = child(code, name)
        process.expect("waits")
        process.end()
    assert lock.acquire(timeout=LIMIT)
    lock.release()


def test_no_thread_stays(name):
    lock = procsync.Lock(name)
    with lock:

        async def main():
            assert await lock.acquire_async(timeout=0.01) is False

        asyncio.run(main())
    eventually(lambda: not [one for one in threading.enumerate() if one.name == "procsync-wait"])
