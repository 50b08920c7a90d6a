"""`procsync.fastipc`: what fastipc has (F1 to F9), without its faults (FF1 to FF16).

The letters and numbers are those of the list in docs/python.md.
"""

from __future__ import annotations

import importlib
import inspect
import os
import pathlib
import signal
import struct
import subprocess
import sys
import threading
import time
import uuid

import pytest
from conftest import eventually
from procsync import fastipc
from procsync.fastipc import (
    AtomicU32,
    AtomicU64,
    FutexWord,
    GuardedSharedMemory,
    Mutex,
    NamedEvent,
    NamedMutex,
    NamedSemaphore,
    NoShmFoundError,
    Semaphore,
    align_to_cacheline_size,
)
from test_lock import in_thread
from test_raw import aligned


@pytest.fixture
def name():
    name = f"t{uuid.uuid4().hex}"
    yield name
    for path in pathlib.Path("/dev/shm").glob(f"*{name}*"):
        path.unlink()


@pytest.fixture
def opened():
    """Closes what a test opens."""
    objects = []

    def open_(kind, *arguments, **keywords):
        objects.append(kind(*arguments, **keywords))
        return objects[-1]

    yield open_
    for one in objects:
        one.close()


def names_of(module):
    return set(importlib.import_module(f"procsync.fastipc{module}").__dict__)


def test_all_names_are_where_fastipc_has_them():
    primitives = {"AtomicU32", "AtomicU64", "FutexWord", "Mutex", "Semaphore"}
    named = {"NamedEvent", "NamedMutex", "NamedSemaphore"}
    memory = {"GuardedSharedMemory", "NoShmFoundError"}
    assert primitives | named | memory | {"align_to_cacheline_size"} <= set(fastipc.__all__)
    assert primitives <= names_of("._primitives") & names_of("._primitives._primitives")
    assert named <= names_of(".sync")
    assert "NamedEvent" in names_of(".sync.named_event")
    assert "NamedMutex" in names_of(".sync.named_mutex")
    assert "NamedSemaphore" in names_of(".sync.named_semaphore")
    assert memory <= names_of(".guarded_shared_memory")
    assert "align_to_cacheline_size" in names_of(".utils")


SIGNATURES = {
    (FutexWord, "wait"): "expected, timeout_ns=-1",
    (FutexWord, "wake"): "n=1",
    (FutexWord, "store_release"): "v",
    (AtomicU32, "cas"): "expected, new",
    (AtomicU64, "store"): "v",
    (Mutex, "acquire_ns"): "timeout_ns=-1, spin=16",
    (Semaphore, "post"): "n=1",
    (Semaphore, "wait"): "blocking=True, timeout_ns=-1, spin=128",
    (NamedMutex, "acquire_ns"): "timeout_ns=-1, spin=16",
    (NamedSemaphore, "wait"): "blocking=True, timeout=-1.0, spin=128",
    (NamedSemaphore, "wait_ns"): "blocking=True, timeout_ns=-1, spin=128",
    (NamedSemaphore, "post"): "n=1",
    (NamedEvent, "wait"): "timeout_ns=-1",
}


@pytest.mark.parametrize("kind, method", SIGNATURES)
def test_arguments_have_the_same_names_and_defaults(kind, method):
    parameters = list(inspect.signature(getattr(kind, method)).parameters.values())[1:]
    shown = ", ".join(str(one.replace(annotation=one.empty)) for one in parameters)
    assert shown.replace(" = ", "=") == SIGNATURES[kind, method]


def test_f1_to_f4_are_those_of_the_raw_layer():
    # What they do is in test_raw.py.
    from procsync import raw

    for what in ("AtomicU32", "AtomicU64", "FutexWord", "Mutex", "Semaphore"):
        assert getattr(fastipc, what) is getattr(raw, what)


def test_f5_a_named_mutex(name, opened):
    mutex, again = opened(NamedMutex, name), opened(NamedMutex, name)
    assert (mutex.owner_pid(), mutex.last_acquired_ns()) == (0, 0)
    assert mutex.magic() == 0x4D555458
    before = time.time_ns()
    assert mutex.acquire() is True
    assert again.owner_pid() == os.getpid()
    assert abs(again.last_acquired_ns() - before) < 30 * 10**9
    assert again.try_acquire() is False
    assert mutex.release() is None
    with pytest.raises(RuntimeError):
        mutex.release()
    assert mutex.try_release() is False
    assert mutex.try_acquire() is True
    assert again.try_release() is True
    assert mutex.acquire_ns() is True
    assert mutex.force_release() is None
    assert mutex.acquire_ns(0) is True
    assert in_thread(lambda: mutex.acquire_ns(timeout_ns=1_000_000, spin=4)) is False
    assert in_thread(lambda: mutex.acquire_ns(0)) is False
    mutex.release()
    with mutex as entered:
        assert entered is mutex
    assert mutex.owner_pid() == 0


def test_f5_a_named_semaphore(name, opened):
    semaphore = opened(NamedSemaphore, name, 2)
    assert opened(NamedSemaphore, name).value() == 2
    assert opened(NamedSemaphore, name, 9).value() == 2
    assert semaphore.magic() == 0x53454D41
    assert semaphore.wait() is True
    assert semaphore.last_pid() == os.getpid()
    assert semaphore.last_acquired_ns() > 0
    assert semaphore.P(False) is True
    assert semaphore.acquire(blocking=False) is False
    assert semaphore.wait(timeout=0.001) is False
    assert semaphore.wait_ns(timeout_ns=1_000_000, spin=0) is False
    semaphore.post(2)
    semaphore.V()
    semaphore.release(3)
    semaphore.post1()
    assert semaphore.value() == 7
    with pytest.raises(OverflowError):
        semaphore.post(2**32 - 1)


def test_f5_a_new_named_semaphore_without_a_count_has_none(name, opened):
    assert opened(NamedSemaphore, name).value() == 0


def test_f5_a_named_event(name, opened, threads):
    event = opened(NamedEvent, name)
    assert event.is_set() is False
    assert event.wait(1_000_000) is False
    answers = []
    waiter = threads(lambda: answers.append(event.wait()))
    eventually(lambda: event._event.waiters)
    event.set()
    waiter.join(60)
    assert answers == [True]
    assert opened(NamedEvent, name).is_set() is True
    event.clear()
    assert event.is_set() is False


def test_f5_one_name_for_one_of_each_kind(name, opened):
    for kind in (NamedMutex, NamedSemaphore, NamedEvent):
        opened(kind, name)
    opened(GuardedSharedMemory, name, 10)


def test_f6_shared_memory(name, opened):
    with pytest.raises(NoShmFoundError):
        GuardedSharedMemory(name, 10, attach_only=True)
    memory = opened(GuardedSharedMemory, name, 100, pid_dir="/nowhere", max_attempts=1)
    assert (memory.name, memory.size, memory.created) == (name, 100, True)
    assert memory.get_num_procs() == 1
    memory.buf[:5] = b"hello"
    with GuardedSharedMemory(name, 50, attach_only=True) as again:
        assert (again.size, again.created) == (100, False)
        assert bytes(again.buf[:5]) == b"hello"
    for error in (ValueError, RuntimeError):
        with pytest.raises(error):
            GuardedSharedMemory(name, 101)
    for wrong in ("", "a/b", "/a"):
        with pytest.raises(ValueError):
            GuardedSharedMemory(wrong, 10)
    for wrong in (0, -1):
        with pytest.raises(ValueError):
            GuardedSharedMemory(name, wrong)
    memory.close()
    memory.close()
    with pytest.raises(ValueError):
        memory.buf
    assert not pathlib.Path("/dev/shm", name).exists()


def test_f6_memory_that_is_to_stay_stays_until_it_is_unlinked(name):
    GuardedSharedMemory(name, 10, try_cleanup_on_exit=False).close()
    memory = GuardedSharedMemory(name, 10, attach_only=True)
    memory.unlink()
    memory.close()
    assert not pathlib.Path("/dev/shm", name).exists()


def test_f9_cache_lines(monkeypatch):
    assert [align_to_cacheline_size(size) for size in (0, 1, 64, 65)] == [0, 64, 64, 128]
    monkeypatch.setenv("CACHE_LINE_SIZE", "128")
    assert align_to_cacheline_size(1) == 128


# The faults.

HOLD = """
import sys, time
from procsync.fastipc import NamedMutex
mutex = NamedMutex(sys.argv[1])
mutex.acquire()
print("held")
time.sleep(1000)
"""


def test_ff1_a_killed_holder_is_replaced(name, opened, child):
    mutex = opened(NamedMutex, name)
    holder = child(HOLD, name)
    holder.expect("held")
    assert mutex.try_acquire() is False
    assert mutex.owner_pid() == holder.pid
    holder.kill()
    assert mutex.acquire_ns(60 * 10**9) is True
    mutex.release()


def test_ff2_the_next_holders_ownership_is_never_wiped(name, opened, child):
    code = """
    import mmap, os, sys
    from procsync.fastipc import Mutex, NamedMutex
    kind, name, path = sys.argv[1:]
    with open(path, "r+b") as file:
        memory = mmap.mmap(file.fileno(), 64)
    mutex = NamedMutex(name) if kind == "named" else Mutex(memory)
    print("ready")
    sys.stdin.readline()
    for _ in range(20_000):
        mutex.acquire()
        if mutex.owner_pid() != os.getpid():
            raise SystemExit("wiped")
        mutex.release()
    """
    path = pathlib.Path("/dev/shm", f"header-{name}")
    path.write_bytes(bytes(64))
    for kind in ("raw", "named"):
        both = [child(code, kind, name, str(path)) for _ in range(2)]
        for one in both:
            one.expect("ready")
        for one in both:
            one.say("")
        for one in both:
            one.end()


def test_ff3_a_second_thread_waits(name, opened, threads):
    for mutex in (opened(NamedMutex, name), opened(Mutex, aligned(64))):
        for acquire in (mutex.acquire, mutex.acquire_ns, mutex.__enter__):
            mutex.acquire()
            got = []
            waiter = threads(lambda acquire=acquire, got=got: got.append(acquire()))
            time.sleep(0.02)
            assert got == []
            mutex.release()
            waiter.join(60)
            assert got in ([True], [mutex])
            mutex.release()


def test_ff4_a_wait_for_what_is_set_succeeds(name, opened):
    event = opened(NamedEvent, name)
    event.set()
    assert event.wait() is True
    assert event.wait(0) is True
    assert event.wait(1_000_000) is True


def test_ff5_each_post_wakes_one(name, opened, threads):
    semaphore = opened(NamedSemaphore, name)
    for _ in range(20):
        waiters = [threads(semaphore.wait) for _ in range(2)]
        time.sleep(0.005)
        semaphore.post1()
        semaphore.post1()
        for waiter in waiters:
            waiter.join(60)
            assert not waiter.is_alive()


def test_ff6_ctrl_c_ends_a_blocking_acquire(name, child):
    code = """
    import sys, threading
    from procsync.fastipc import NamedMutex, NamedSemaphore, NamedEvent
    mutex = NamedMutex(sys.argv[1])
    waits = {"mutex": mutex.acquire, "with": mutex.__enter__, "acquire_ns": mutex.acquire_ns,
             "semaphore": NamedSemaphore(sys.argv[1]).wait, "event": NamedEvent(sys.argv[1]).wait}
    try:
        print("ready")
        waits[sys.argv[2]]()
    except KeyboardInterrupt:
        print("interrupted")
    """
    mutex = NamedMutex(name)
    mutex.acquire()
    for what in ("mutex", "with", "acquire_ns", "semaphore", "event"):
        process = child(code, name, what)
        process.expect("ready")
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        process.expect("interrupted")
        process.end()
    assert mutex.owner_pid() == os.getpid()
    mutex.release()
    mutex.close()


def test_ff7_the_same_pid_in_another_namespace_is_another_process(name, child):
    unshare = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child"]
    if subprocess.run([*unshare, "true"], capture_output=True).returncode != 0:
        from conftest import skip

        skip("test_ff7", "unshare cannot make a pid namespace here")
    code = """
    import os, sys
    from procsync.fastipc import NamedMutex
    assert os.getpid() == 1
    mutex = NamedMutex(sys.argv[1])
    print(mutex.try_acquire())
    print(mutex.try_release())
    sys.stdin.readline()
    """
    processes = []
    try:
        for expected in ("True", "False"):
            process = subprocess.Popen(
                [*unshare, sys.executable, "-u", "-c", dedent(code).replace("print(mutex.try_release())", "print(sys.argv[2] == 'True' or mutex.try_release())"), name, expected],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            processes.append(process)
            assert process.stdout.readline().strip() == expected
            assert process.stdout.readline().strip() == expected
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def dedent(code):
    import textwrap

    return textwrap.dedent(code)


def test_ff8_nothing_half_made_and_no_two_of_one_name(name, child):
    code = """
    import sys
    from procsync.fastipc import GuardedSharedMemory, NamedMutex, NamedSemaphore
    for _ in range(150):
        semaphore = NamedSemaphore(sys.argv[1], 5)
        assert semaphore.value() == 5, semaphore.value()
        semaphore.close()
        with GuardedSharedMemory(sys.argv[1] + "m", 64) as memory:
            mutex = NamedMutex(sys.argv[1])
            with mutex:
                seen = memory.buf[0]
                memory.buf[0] = 1
                assert seen == 0, "two are inside"
                memory.buf[0] = 0
            mutex.close()
    """
    for one in [child(code, name) for _ in range(3)]:
        one.end()


def test_ff9_and_ff14_signals_neither_end_a_wait_nor_begin_it_anew(name, opened):
    stop = threading.Event()
    before = signal.signal(signal.SIGUSR1, lambda *_: None)

    def storm():
        while not stop.wait(0.004):
            os.kill(os.getpid(), signal.SIGUSR1)

    mutex, header = opened(NamedMutex, name), opened(Mutex, aligned(64))
    in_thread(mutex.acquire), in_thread(header.acquire)
    word = opened(FutexWord, aligned(4))
    thread = threading.Thread(target=storm)
    thread.start()
    try:
        for wait in (
            lambda: mutex.acquire_ns(200_000_000),
            lambda: header.acquire_ns(200_000_000),
            lambda: word.wait(0, 200_000_000),
            lambda: opened(NamedEvent, name).wait(200_000_000),
            lambda: opened(NamedSemaphore, name).wait(timeout=0.2),
        ):
            began = time.monotonic()
            assert wait() is False
            assert 0.2 <= time.monotonic() - began < 20
    finally:
        stop.set()
        thread.join()
        signal.signal(signal.SIGUSR1, before)


def test_ff14_a_relock_by_the_same_thread_is_an_error(name, opened):
    for mutex in (opened(NamedMutex, name), opened(Mutex, aligned(64))):
        with mutex:
            for relock in (mutex.acquire, mutex.acquire_ns, mutex.__enter__):
                with pytest.raises(RuntimeError):
                    relock()
            assert mutex.try_acquire() is False


def test_ff10_an_uncontended_pair_makes_no_system_call(name, child):
    code = """
    import sys
    from procsync.fastipc import NamedMutex, NamedSemaphore
    mutex, semaphore = NamedMutex(sys.argv[1]), NamedSemaphore(sys.argv[1], 1)
    def pairs(times):
        for _ in range(times):
            mutex.acquire(); mutex.release()
            with mutex: pass
            semaphore.wait(); semaphore.post1()
    pairs(10)
    print("ready")
    sys.stdin.readline()
    pairs(int(sys.argv[2]))
    """
    strace = subprocess.run(["strace", "-c", "true"], capture_output=True).returncode == 0
    if not strace:
        from conftest import skip

        skip("test_ff10", "strace is not there or may not trace")
    counts = []
    for times in ("1", "1000"):
        out = pathlib.Path("/dev/shm", f"strace-{name}")
        run = ["strace", "-f", "-c", "-o", str(out), sys.executable, "-c", dedent(code), name, times]
        done = subprocess.run(run, input="\n", capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        total = [line for line in out.read_text().splitlines() if line.endswith("total")]
        counts.append(int(total[0].split()[3]))
    assert counts[1] - counts[0] < 100, counts


def test_ff11_the_buffer_is_pinned_and_must_be_writable():
    # The rest is in test_raw.py.
    import mmap

    memory = mmap.mmap(-1, 4096)
    mutex = Mutex(memory)
    with pytest.raises(BufferError):
        memory.close()
    assert mutex.acquire()
    for kind in (Mutex, Semaphore, FutexWord, AtomicU32, AtomicU64):
        with pytest.raises((TypeError, BufferError)):
            kind(bytes(64))


def test_ff12_a_forked_child_takes_no_name_along(name, opened):
    mutex, semaphore = opened(NamedMutex, name), opened(NamedSemaphore, name, 3)
    event, memory = opened(NamedEvent, name), opened(GuardedSharedMemory, name, 10)
    pid = os.fork()
    if pid == 0:
        for one in (mutex, semaphore, event, memory):
            one.close()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    memory.buf[0] = 7
    event.set()
    with mutex:
        assert opened(NamedMutex, name).try_acquire() is False
    assert opened(NamedSemaphore, name, 9).value() == 3
    assert opened(NamedEvent, name).is_set()
    assert opened(GuardedSharedMemory, name, 10, attach_only=True).buf[0] == 7


def test_ff13_what_is_closed_or_forgotten_is_gone(name, directory):
    def files():
        return len(os.listdir("/proc/self/fd")), sum(name in line for line in open("/proc/self/maps"))

    before = files()
    for forget in (False, True):
        objects = [NamedMutex(name), NamedSemaphore(name, 1), NamedEvent(name), GuardedSharedMemory(name, 9)]
        assert files() != before
        if not forget:
            for one in objects:
                one.close()
        del objects, one
        one = None
        assert files() == before
        assert not [path for path in directory.rglob("*") if name in path.name]


def test_ff15_what_its_readme_imports_can_be_imported():
    from procsync.fastipc import FutexWord, Mutex, NamedEvent, NamedMutex, NamedSemaphore, Semaphore

    assert all((FutexWord, Mutex, NamedEvent, NamedMutex, NamedSemaphore, Semaphore))


def test_ff16_importing_it_does_nothing_and_needs_nothing(directory):
    code = """
import sys
before = set(sys.modules)
import procsync.fastipc
new = {one.partition(".")[0] for one in set(sys.modules) - before}
standard = getattr(sys, "stdlib_module_names", new - {"procsync", "numpy", "optree"})
print(*sorted(new - set(standard)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["procsync"]
