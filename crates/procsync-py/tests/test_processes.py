"""Between processes: start methods, forks, killed holders, other programs."""

from __future__ import annotations

import glob
import multiprocessing
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import time

import procsync
import pytest
from conftest import eventually, skip

METHODS = pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])


@pytest.fixture
def context(method, directory):
    context = multiprocessing.get_context(method)
    if method == "forkserver":
        # It is started once, with the environment of its first use.
        context.set_forkserver_preload(["procsync"])
    return context


def join(process):
    process.join(60)
    assert process.exitcode == 0


def count(lock, memory, rounds):
    for _ in range(rounds):
        with lock:
            seen = int.from_bytes(memory.buf[:8], "little")
            memory.buf[:8] = (seen + 1).to_bytes(8, "little")


@METHODS
@pytest.mark.parametrize("kind", [procsync.Lock, procsync.RLock, procsync.Semaphore])
def test_processes_count_together_under_anonymous_objects(context, kind):
    lock, memory = kind(), procsync.SharedMemory(None, 8)
    children = [context.Process(target=count, args=(lock, memory, 500)) for _ in range(3)]
    for child in children:
        child.start()
    count(lock, memory, 500)
    for child in children:
        join(child)
    assert int.from_bytes(memory.buf[:8], "little") == 2000
    memory.close()


def answer(question, reply, tokens):
    assert question.wait(60)
    tokens.release(3)
    reply.set()


@METHODS
def test_events_and_tokens_go_to_children(context):
    question, reply, tokens = procsync.Event(), procsync.Event(auto_reset=True), procsync.TokenSemaphore()
    child = context.Process(target=answer, args=(question, reply, tokens))
    child.start()
    assert not reply.wait(0)
    question.set()
    assert reply.wait(60)
    join(child)
    assert tokens.value == 3
    assert not reply.is_set()


def test_pickling_is_by_name_and_keeps_what_was_asked_for(name):
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        for original in (
            procsync.Lock(name, on_abandoned="refuse", spin="never"),
            procsync.RLock(name + "r", participants=9),
            procsync.Semaphore(name + "s", 5, spin=10),
            procsync.TokenSemaphore(name + "t", 5),
            procsync.Event(name + "e", auto_reset=True),
            procsync.Lock(),
            procsync.Semaphore(None, 2),
        ):
            again = pickle.loads(pickle.dumps(original, protocol))
            assert type(again) is type(original)
            assert again.name == original.name
            for what in ("on_abandoned", "capacity", "value", "auto_reset"):
                assert getattr(again, what, None) == getattr(original, what, None)


def test_an_anonymous_object_that_is_gone_is_not_made_again(name):
    pickled = pickle.dumps(procsync.Lock())
    with pytest.raises(FileNotFoundError):
        pickle.loads(pickled)
    pickled = pickle.dumps(procsync.Lock(name))
    assert pickle.loads(pickled).name == name


def test_what_the_parent_holds_stays_the_parents(name):
    lock, rlock = procsync.Lock(name), procsync.RLock(name + "r")
    semaphore = procsync.Semaphore(name + "s", 2)
    lock.acquire(), rlock.acquire(), semaphore.acquire()

    def in_child():
        for one in (lock, rlock):
            try:
                one.release()
            except RuntimeError:
                pass
            else:
                return 1
            if one.acquire(False) or one.owner.pid != os.getppid():
                return 2
        try:
            semaphore.release()
        except ValueError:
            pass
        else:
            return 3
        if semaphore.indexes != [] or semaphore.available != 1:
            return 4
        semaphore.acquire()
        if len(semaphore.indexes) != 1:
            return 5
        semaphore.release()
        return 0

    pid = os.fork()
    if pid == 0:
        try:
            os._exit(in_child())
        except BaseException:
            import traceback

            traceback.print_exc()
            os._exit(99)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert lock.locked() and rlock.locked() and semaphore.available == 1
    lock.release(), rlock.release(), semaphore.release()


def test_a_child_that_exits_takes_no_name_along(name, directory):
    lock = procsync.Lock(name)
    pid = os.fork()
    if pid == 0:
        lock.acquire()
        lock.release()
        os._exit(0)
    os.waitpid(pid, 0)
    with lock:
        assert procsync.Lock(name, how="attach").locked()


HOLD = """
import sys, time, procsync
lock = procsync.Lock(sys.argv[1])
rlock = procsync.RLock(sys.argv[1] + "r")
semaphore = procsync.Semaphore(sys.argv[1] + "s", 2)
lock.acquire(), rlock.acquire(), rlock.acquire(), semaphore.acquire_many(2)
print("held")
time.sleep(1000)
"""


def test_a_killed_holder_is_replaced_and_the_next_one_is_told(name, child, threads):
    lock, rlock = procsync.Lock(name), procsync.RLock(name + "r")
    semaphore = procsync.Semaphore(name + "s", 2)
    for waiting in (True, False):
        holder = child(HOLD, name)
        holder.expect("held")
        for one in (lock, rlock, semaphore):
            assert one.acquire(False) is False
        assert lock.owner.pid == rlock.owner.pid == semaphore.holders[1].pid == holder.pid
        got = []

        def wait(one):
            assert one.acquire(timeout=60)
            got.append((one.abandoned.pid, one.abandoned.cause))
            one.release()

        if waiting:
            waiters = [threads(wait, one) for one in (lock, rlock, semaphore)]
            eventually(lambda: lock.waiters and rlock.waiters and semaphore.waiters)
            holder.kill()
            for waiter in waiters:
                waiter.join(60)
        else:
            holder.kill()
            for one in (lock, rlock, semaphore):
                wait(one)
        assert got == [(holder.pid, "died")] * 3
        for one in (lock, rlock, semaphore):
            assert one.acquire(False)
            if one is not semaphore:
                assert one.abandoned is None
            one.release()
        assert eventually(lambda: semaphore.available == 2)


def test_two_versions_of_python_share_one_lock(name, child, tmp_path):
    wheels = os.environ.get("PROCSYNC_WHEELS")
    other = None
    for python in other_pythons():
        if wheels and wheel_for(python, wheels):
            other = python
            break
    if other is None:
        skip("test_two_versions_of_python_share_one_lock", "one Python, or no wheels for another")
    subprocess.run([other, "-m", "venv", tmp_path / "venv"], check=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    wheel = wheel_for(other, wheels)
    install = [python, "-m", "pip", "install", "-q", "--no-index", wheel]
    subprocess.run(install, check=True, stdout=subprocess.DEVNULL)
    lock, memory = procsync.Lock(name), procsync.SharedMemory(None, 8)
    code = """
    import sys, procsync
    lock, memory = procsync.Lock(sys.argv[1]), procsync.SharedMemory(sys.argv[2], how="attach")
    print(sys.version_info[:2] != tuple(map(int, sys.argv[3].split("."))))
    for _ in range(5000):
        with lock:
            memory.buf[:8] = (int.from_bytes(memory.buf[:8], "little") + 1).to_bytes(8, "little")
    memory.close()
    """
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    process = child(code, name, memory.name, version, python=python)
    process.expect("True")
    count(lock, memory, 5000)
    process.end()
    assert int.from_bytes(memory.buf[:8], "little") == 10_000
    memory.close()


def other_pythons():
    here = sys.version_info[:2]
    for minor in range(9, 15):
        found = os.environ.get(f"PROCSYNC_PYTHON_3_{minor}") or shutil.which(f"python3.{minor}")
        if found and (3, minor) != here:
            yield found


def wheel_for(python, wheels):
    code = "import sys; print('cp%d%d' % sys.version_info[:2])"
    answer = subprocess.run([python, "-c", code], capture_output=True, text=True)
    found = glob.glob(os.path.join(wheels, f"procsync-*-{answer.stdout.strip()}-*.whl"))
    return found[0] if answer.returncode == 0 and found else None


def command_line():
    return os.environ.get("PROCSYNC_COMMAND") or shutil.which("procsync")


def test_the_command_line_shares_a_lock(name):
    command = command_line()
    if not command:
        skip("test_the_command_line_shares_a_lock", "no command `procsync`; see PROCSYNC_COMMAND")
    lock = procsync.Lock(name)
    run = [command, "run", name, "--", sys.executable, "-c"]
    with lock:
        refused = subprocess.run([command, "run", "--try", name, "--", "true"], capture_output=True)
        assert refused.returncode == 75
        listed = subprocess.run([command, "ls"], capture_output=True, text=True, check=True).stdout
        assert name in listed and str(os.getpid()) in listed
    holder = subprocess.Popen(
        [*run, "import sys; print('held', flush=True); sys.stdin.read()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout.readline() == "held\n"
        assert lock.acquire(False) is False
        with pytest.raises(TimeoutError) as caught, lock.hold(timeout=0.05):
            pass
        assert caught.value.holder.pid == holder.pid
        # The one that holds it is killed. Who inherited the hold is still there.
        holder.stdin.close()
        assert lock.acquire(timeout=60)
        lock.release()
        assert holder.wait(60) == 0
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()


def test_the_processes_of_a_shared_memory_are_counted(child):
    memory = procsync.SharedMemory(None, 8)
    code = """
    import sys, procsync
    memory = procsync.SharedMemory(sys.argv[1], how="attach")
    print(memory.processes)
    sys.stdin.readline()
    """
    one = child(code, memory.name)
    one.expect("2")
    assert memory.processes == 2
    one.kill()
    eventually(lambda: memory.processes == 1)
    memory.close()


def test_a_fork_while_other_threads_wait(name, threads):
    lock = procsync.Lock(name)
    lock.acquire()
    waiters = [threads(lambda: lock.acquire() and lock.release()) for _ in range(4)]
    eventually(lambda: len(lock.waiters) == 4)
    for _ in range(10):
        pid = os.fork()
        if pid == 0:
            signal.alarm(60)
            fine = not lock.acquire(timeout=0.01) and procsync.Lock(name + "c").acquire()
            os._exit(0 if fine else 1)
        assert os.waitpid(pid, 0)[1] == 0
    lock.release()
    for waiter in waiters:
        waiter.join(60)
    assert not lock.locked()


def test_a_waiter_in_a_child_is_told_apart(name, child):
    lock = procsync.Lock(name)
    code = """
    import sys, procsync
    lock = procsync.Lock(sys.argv[1])
    print("waits")
    lock.acquire()
    print("has it")
    """
    with lock:
        one = child(code, name)
        one.expect("waits")
        [waiter] = eventually(lambda: lock.waiters)
        assert waiter.pid == one.pid
        assert "python" in waiter.command
        assert waiter.duration >= 0
        assert time.time() - waiter.since < 60
    one.expect("has it")
    one.end()
    eventually(lambda: not lock.locked() or lock.acquire(False))
    assert threading.current_thread() is threading.main_thread()
