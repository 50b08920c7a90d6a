"""`procsync.raw`: words in memory that the caller supplies."""

from __future__ import annotations

import ctypes
import gc
import mmap
import multiprocessing.shared_memory
import os
import struct
import time
import weakref

import pytest
from conftest import eventually
from procsync.raw import AtomicU32, AtomicU64, FutexWord, Mutex, Semaphore
from test_lock import in_thread


def aligned(size):
    """A bytearray's view on a multiple of 64."""
    memory = bytearray(size + 64)
    start = -ctypes.addressof(ctypes.c_char.from_buffer(memory)) % 64
    return memoryview(memory)[start : start + size]


def buffers(size):
    yield "bytearray", aligned(size)
    yield "mmap", mmap.mmap(-1, max(size, 4096))
    memory = multiprocessing.shared_memory.SharedMemory(create=True, size=size)
    yield "shared memory", memory.buf
    memory.close()
    memory.unlink()
    try:
        import numpy
    except ImportError:
        return
    yield "numpy", numpy.zeros(max(size // 4, 16), dtype=numpy.uint32)


ALL = [
    (FutexWord, 4, 4),
    (AtomicU32, 4, 4),
    (AtomicU64, 8, 8),
    (Mutex, 64, 4),
    (lambda buffer: Semaphore(buffer, 1), 64, 4),
]


@pytest.mark.parametrize("kind, size, alignment", ALL)
def test_any_writable_buffer_will_do(kind, size, alignment):
    for what, buffer in buffers(size):
        kind(buffer).close()
        del buffer


@pytest.mark.parametrize("kind, size, alignment", ALL)
def test_sizes_and_alignments_are_checked(kind, size, alignment):
    memory = aligned(256)
    with pytest.raises(ValueError):
        kind(memory[: size - 1])
    with pytest.raises(ValueError):
        kind(memory[0:0])
    for offset in range(1, alignment):
        with pytest.raises(ValueError):
            kind(memory[offset : offset + size])
    kind(memory[alignment : alignment + size])


@pytest.mark.parametrize("kind, size, alignment", ALL)
def test_what_is_read_only_or_scattered_is_refused(kind, size, alignment):
    with pytest.raises((TypeError, BufferError)):
        kind(bytes(size))
    with pytest.raises((TypeError, BufferError)):
        kind(aligned(size).toreadonly())
    with pytest.raises((ValueError, BufferError)):
        kind(aligned(2 * size)[::2])
    with pytest.raises(TypeError):
        kind("x" * size)


@pytest.mark.parametrize("kind, size, alignment", ALL)
def test_the_buffer_is_pinned_and_kept_alive(kind, size, alignment):
    memory = bytearray(size + 64)
    start = -ctypes.addressof(ctypes.c_char.from_buffer(memory)) % 64
    gc.collect()
    view = memoryview(memory)[start : start + size]
    placed = kind(view)
    with pytest.raises(BufferError):
        memory.extend(bytes(100_000))
    with pytest.raises(BufferError):
        view.release()
    placed.close()
    placed.close()
    view.release()
    memory.extend(b"more")
    with pytest.raises(ValueError):
        use(placed)

    mapping = mmap.mmap(-1, 4096)
    placed = kind(mapping)
    with pytest.raises(BufferError):
        mapping.close()
    del placed
    gc.collect()
    mapping.close()


def use(placed):
    for method in ("load_acquire", "load", "magic"):
        if hasattr(placed, method):
            return getattr(placed, method)()
    raise AssertionError(placed)


@pytest.mark.parametrize("kind, size", [(AtomicU32, 4), (AtomicU64, 8)])
def test_atomic_numbers(kind, size):
    memory = aligned(size)
    number, again = kind(memory), kind(memory)
    most = 2 ** (8 * size) - 1
    assert number.load() == 0
    number.store(5)
    assert again.load() == 5
    assert number.cas(5, 7) is True
    assert number.cas(5, 8) is False
    assert number.cas(expected=7, new=8) is True
    assert number.fetch_add(4) == 8
    assert number.fetch_sub(13) == 12
    assert number.load() == most
    assert number.fetch_add(3) == most
    assert number.swap(0b1100) == 2
    assert number.fetch_and(0b0110) == 0b1100
    assert number.fetch_or(0b0011) == 0b0100
    assert number.max(9) == 7
    assert number.min(8) == 9
    number.store(v=most)
    assert number.load() == most
    assert int.from_bytes(memory, "little") == most
    assert number.swap(most - 1) == most
    assert repr(number).endswith(f": {most - 1}>")


@pytest.mark.parametrize("kind, size", [(AtomicU32, 4), (AtomicU64, 8)])
def test_what_is_out_of_range_is_refused(kind, size):
    number = kind(aligned(size))
    for wrong in (-1, 2 ** (8 * size), 2**200, -(2**70)):
        for use in (
            number.store,
            number.swap,
            number.fetch_add,
            number.fetch_sub,
            number.fetch_and,
            number.fetch_or,
            number.max,
            number.min,
            lambda value: number.cas(value, 0),
            lambda value: number.cas(0, value),
        ):
            with pytest.raises(OverflowError):
                use(wrong)
    for wrong in ("1", 1.5, None):
        with pytest.raises(TypeError):
            number.fetch_add(wrong)
        with pytest.raises(TypeError):
            number.store(wrong)
    assert number.load() == 0
    with pytest.raises(TypeError):
        number.cas(1)
    number.close()
    for use in (number.load, lambda: number.store(1), lambda: number.fetch_add(1)):
        with pytest.raises(ValueError):
            use()


def test_a_futex_word(threads):
    word = FutexWord(aligned(4))
    assert word.load_acquire() == 0
    assert word.wait(1) is True
    assert word.wait(0, 1_000_000) is False
    assert word.wait(expected=0, timeout_ns=0) is False
    assert word.wake() == 0
    answers = []
    waiter = threads(lambda: answers.append(word.wait(0)))
    assert eventually(lambda: word.wake(1)) == 1
    waiter.join(60)
    assert answers == [True]
    word.store_release(2**32 - 1)
    assert word.load_acquire() == 2**32 - 1
    for wrong in (-1, 2**32):
        with pytest.raises(OverflowError):
            word.store_release(wrong)
        with pytest.raises((OverflowError, ValueError)):
            word.wake(wrong)
    assert word.wake(n=0) == 0


def test_a_mutex_and_its_header(threads):
    memory = aligned(64)
    mutex = Mutex(memory)
    assert mutex.magic() == 0x4D555458
    assert struct.unpack_from("<I", memory)[0] == 0x4D555458
    assert (mutex.owner_pid(), mutex.last_acquired_ns(), mutex.locked()) == (0, 0, False)
    before = time.time_ns()
    assert mutex.acquire() is True
    assert mutex.owner_pid() == os.getpid() == struct.unpack_from("<I", memory, 12)[0]
    assert abs(mutex.last_acquired_ns() - before) < 30 * 10**9
    assert mutex.last_acquired_ns() == struct.unpack_from("<Q", memory, 16)[0]
    assert in_thread(mutex.try_acquire) is False
    assert in_thread(lambda: mutex.acquire_ns(1_000_000)) is False
    assert in_thread(lambda: mutex.acquire_ns(timeout_ns=0, spin=0)) is False
    mutex.release()
    with pytest.raises(RuntimeError):
        mutex.release()
    assert mutex.try_acquire() is True
    assert mutex.force_release() is None
    assert mutex.acquire_ns() is True
    in_thread(mutex.release)
    with mutex as entered:
        assert entered is mutex
        assert Mutex(memory).locked()
    assert not mutex.locked()


def test_a_thread_that_relocks_a_mutex_is_told(threads):
    mutex = Mutex(aligned(64))
    with mutex:
        for relock in (mutex.acquire, mutex.acquire_ns, mutex.__enter__):
            with pytest.raises(RuntimeError):
                relock()
        assert mutex.try_acquire() is False


def test_something_else_is_not_taken_for_a_mutex_or_semaphore():
    memory = aligned(64)
    Mutex(memory)
    with pytest.raises(ValueError):
        Semaphore(memory)
    with pytest.raises(ValueError):
        Semaphore(memory, 1)
    memory[:] = bytes(64)
    with pytest.raises(ValueError):
        Semaphore(memory)
    memory[40] = 1
    with pytest.raises(ValueError):
        Mutex(memory)


def test_a_semaphore_and_its_header(threads):
    memory = aligned(64)
    semaphore = Semaphore(memory, initial=2)
    assert semaphore.magic() == 0x53454D41 == struct.unpack_from("<I", memory)[0]
    assert (semaphore.last_pid(), semaphore.last_acquired_ns()) == (0, 0)
    assert semaphore.wait() is True
    assert semaphore.last_pid() == os.getpid() == struct.unpack_from("<I", memory, 12)[0]
    assert semaphore.wait(False) is True
    assert semaphore.wait(blocking=False) is False
    assert semaphore.wait(timeout_ns=1_000_000, spin=0) is False
    assert semaphore.wait(True, 0) is False
    semaphore.post()
    semaphore.post(3)
    semaphore.post1()
    assert semaphore.value() == 5 == struct.unpack_from("<I", memory, 8)[0]
    assert Semaphore(memory).value() == 5
    assert Semaphore(memory, 9).value() == 5, "one that is there is left as it is"
    semaphore.reset(0)
    semaphore.post(2**32 - 1)
    for wrong in (1, 2**32, -1):
        with pytest.raises(OverflowError):
            semaphore.post(wrong)
    for wrong in (-1, 2**32):
        with pytest.raises(OverflowError):
            Semaphore(aligned(64), wrong)


def test_two_quick_posts_wake_two(threads):
    for _ in range(20):
        semaphore = Semaphore(aligned(64), 0)
        waiters = [threads(semaphore.wait) for _ in range(2)]
        time.sleep(0.005)
        semaphore.post1()
        semaphore.post1()
        for waiter in waiters:
            waiter.join(60)
            assert not waiter.is_alive()


@pytest.mark.parametrize("kind", [AtomicU32, AtomicU64])
def test_no_addition_is_lost(kind, threads):
    number = kind(aligned(8))

    def work():
        for _ in range(5_000):
            number.fetch_add(1)

    for thread in [threads(work) for _ in range(4)]:
        thread.join()
    assert number.load() == 20_000


def test_processes_share_them(child):
    memory = multiprocessing.shared_memory.SharedMemory(create=True, size=192)
    code = """
    import sys
    from multiprocessing import resource_tracker, shared_memory
    from procsync.raw import AtomicU64, Mutex, Semaphore
    more = {"track": False} if sys.version_info >= (3, 13) else {}
    memory = shared_memory.SharedMemory(sys.argv[1], **more)
    if not more:
        resource_tracker.unregister(memory._name, "shared_memory")
    count = AtomicU64(memory.buf[:8])
    mutex, ready = Mutex(memory.buf[64:128]), Semaphore(memory.buf[128:])
    ready.post1()
    for _ in range(5000):
        with mutex:
            count.store(count.load() + 1)
    for one in (count, mutex, ready):
        one.close()
    memory.close()
    """
    try:
        count, ready = AtomicU64(memory.buf[:8]), Semaphore(memory.buf[128:], 0)
        mutex = Mutex(memory.buf[64:128])
        children = [child(code, memory.name) for _ in range(3)]
        for _ in children:
            assert ready.wait(timeout_ns=60 * 10**9)
        for one in children:
            one.end()
        assert count.load() == 15_000
        for one in (count, ready, mutex):
            one.close()
    finally:
        memory.close()
        memory.unlink()


def test_they_can_be_weakly_referenced():
    mutex = Mutex(aligned(64))
    reference = weakref.ref(mutex)
    del mutex
    gc.collect()
    assert reference() is None


def test_ctrl_c_ends_their_waits(child):
    code = """
    import mmap, sys, threading, time
    from procsync.raw import FutexWord, Mutex, Semaphore
    what = sys.argv[1]
    memory = mmap.mmap(-1, 4096)
    if what == "mutex":
        mutex = Mutex(memory)
        thread = threading.Thread(target=mutex.acquire)
        thread.start()
        thread.join()
        wait = mutex.acquire
    elif what == "semaphore":
        wait = Semaphore(memory, 0).wait
    else:
        word = FutexWord(memory)
        wait = lambda: word.wait(0)
    try:
        print("ready")
        wait()
    except KeyboardInterrupt:
        print("interrupted")
    """
    import signal

    for what in ("mutex", "semaphore", "word"):
        process = child(code, what)
        process.expect("ready")
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        process.expect("interrupted")
        process.end()


def test_threads_count_under_a_mutex(threads):
    mutex, count = Mutex(aligned(64)), [0]

    def work():
        for _ in range(2_000):
            with mutex:
                seen = count[0]
                if seen % 100 == 0:
                    time.sleep(0)
                count[0] = seen + 1

    for thread in [threads(work) for _ in range(4)]:
        thread.join()
    assert count[0] == 8_000
