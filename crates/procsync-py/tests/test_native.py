"""procsync.native: the system's own semaphores, and other software beside them."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import threading
import time

import procsync
import procsync.inspect
import procsync.native
import pytest
from conftest import Child, eventually
from procsync.native import NativeSemaphore

HOLD = """
import sys
from procsync.native import NativeSemaphore
semaphore = NativeSemaphore.instantiate(sys.argv[1])
semaphore.open()
semaphore.lock()
print("held")
sys.stdin.readline()
"""


@pytest.fixture
def semaphore(name):
    made = NativeSemaphore.instantiate(name)
    assert made.open()
    yield made
    while made.status.locked:
        made.unlock()
    if made.status.opened:
        made.close()
    if not made.status.unlinked:
        made.unlink()


class Foreign:
    """The semaphore as software has it open that knows nothing of procsync."""

    def __init__(self, name: str) -> None:
        self.library = ctypes.CDLL(None, use_errno=True)
        self.library.sem_open.restype = ctypes.c_void_p
        self.semaphore = ctypes.c_void_p(self.library.sem_open(b"/" + name.encode(), 0))
        assert self.semaphore.value

    def take(self) -> bool:
        return self.library.sem_trywait(self.semaphore) == 0

    def give(self) -> None:
        assert self.library.sem_post(self.semaphore) == 0

    def value(self) -> int:
        value = ctypes.c_int(-1)
        assert self.library.sem_getvalue(self.semaphore, ctypes.byref(value)) == 0
        return value.value


def in_a_thread(body):
    """What `body` answers in a thread of its own, or what it raises."""
    answer = []

    def run():
        try:
            answer.append(body())
        except BaseException as error:
            answer.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(60)
    if isinstance(answer[0], BaseException):
        raise answer[0]
    return answer[0]


def test_the_life_of_an_instance(name):
    semaphore = NativeSemaphore.instantiate(name)
    assert semaphore.status == (False, False, False, False, False)
    assert semaphore.identity.address is None
    with pytest.raises(procsync.OutOfOrderError, match="open it first"):
        semaphore.lock()
    assert semaphore.changes is None and semaphore.abandoned is None
    assert semaphore.open() is True
    assert semaphore.identity.address
    with pytest.raises(procsync.OutOfOrderError):
        semaphore.open()
    for depth in range(1, 5):
        assert semaphore.lock(blocking=depth % 2 == 0)
        assert semaphore.counts == (depth, 1)
        assert semaphore.changes == ((depth - 1, depth), (min(depth - 1, 1), 1))
    assert semaphore.status.reentrant
    with pytest.raises(procsync.OutOfOrderError, match="unlock it first"):
        semaphore.close()
    for depth in range(3, -1, -1):
        semaphore.unlock()
        assert semaphore.counts == (depth, min(depth, 1))
        assert semaphore.changes == ((depth + 1, depth), (1, min(depth, 1)))
    with pytest.raises(procsync.OutOfOrderError):
        semaphore.unlock()
    with pytest.raises(procsync.OutOfOrderError):
        semaphore.unlink()
    semaphore.close()
    assert semaphore.status.closed and not semaphore.status.opened
    with pytest.raises(procsync.OutOfOrderError):
        semaphore.open()
    assert semaphore.unlink() is True
    assert semaphore.status.unlinked
    assert procsync.native.unlink(name) is False


def test_a_thread_has_one_instance_for_a_name(semaphore, name):
    assert NativeSemaphore.instantiate("/" + name) is semaphore
    assert NativeSemaphore.instantiate("Global\\" + name) is semaphore
    assert in_a_thread(lambda: NativeSemaphore.instantiate(name)) is not semaphore
    with pytest.raises(procsync.MismatchError, match="initial count"):
        NativeSemaphore.instantiate(name, initial=2)

    class Other(NativeSemaphore):
        pass

    with pytest.raises(procsync.NameTakenError):
        Other.instantiate(name)
    identity = semaphore.identity
    assert identity.uuid == f"{name}:{identity.thread}:{os.getpid()}"
    semaphore.close()
    semaphore.unlink()
    again = NativeSemaphore.instantiate(name)
    assert again is not semaphore and not again.status.closed
    for bad in ["", "a/b", "a:b", "a\\b", "x" * 300]:
        with pytest.raises(procsync.InvalidNameError):
            NativeSemaphore.instantiate(bad)


def test_other_software_and_this_package_exclude_each_other(semaphore, name):
    foreign = Foreign(name)
    with semaphore as same:
        assert same is semaphore and semaphore.counts.depth == 1
        assert not foreign.take()
    assert foreign.take()
    assert semaphore.lock(blocking=False) is False
    began = time.monotonic()
    assert semaphore.lock(timeout=0.05) is False
    assert time.monotonic() - began >= 0.05
    assert semaphore.accounts == (1, 0, 0, 0, 0, 1)
    assert semaphore.reap() == 0, "never on behalf of somebody who is not known"
    foreign.give()
    assert semaphore.lock(timeout=0)
    semaphore.unlock()
    assert foreign.take()
    assert semaphore.post_doubtful() == 1
    assert foreign.value() == 1


def test_with_opens_it(name):
    with NativeSemaphore.instantiate(name, mode=0o600, initial=3) as semaphore:
        with semaphore:
            assert semaphore.counts == (2, 1)
        assert os.stat(f"/dev/shm/sem.{name}").st_mode & 0o777 == 0o600
        assert Foreign(name).value() == 2
    assert semaphore.counts == (0, 0)
    semaphore.close()
    semaphore.unlink()


def test_an_instance_belongs_to_its_thread(semaphore, name):
    semaphore.lock()
    for use in [
        semaphore.open,
        semaphore.lock,
        semaphore.unlock,
        semaphore.close,
        semaphore.unlink,
        semaphore.reap,
        semaphore.post_doubtful,
        lambda: semaphore.status,
        lambda: semaphore.counts,
        lambda: semaphore.identity,
        lambda: semaphore.accounts,
        lambda: semaphore.holders,
    ]:
        with pytest.raises(procsync.WrongThreadError) as caught:
            in_a_thread(use)
        assert caught.value.name == name

    def strangers():
        own = NativeSemaphore.instantiate(name)
        own.open()
        return own.lock(blocking=False)

    assert in_a_thread(strangers) is False
    assert semaphore.counts == (1, 1)
    assert [holder.pid for holder in semaphore.holders] == [os.getpid()]


def test_one_that_goes_in_another_thread_does_no_harm(name):
    box = [NativeSemaphore.instantiate(name)]
    box[0].open()
    in_a_thread(box.clear)
    gc.collect()
    # It was left as it was: still open, for the thread that it belongs to.
    again = NativeSemaphore.instantiate(name)
    assert again.status.opened
    again.close()
    again.unlink()


def test_steps_can_be_followed(name):
    class Diary(NativeSemaphore):
        lines: list[str] = []

        def will_attempt(self, step):
            self.lines.append(f"{step}?")

        def succeeded(self, step):
            self.lines.append(f"{step}! {self.counts.depth}")

        def failed(self, step, error):
            self.lines.append(f"{step}: {type(error).__name__}")

    diary = Diary.instantiate(name)
    with diary:
        with pytest.raises(procsync.OutOfOrderError):
            diary.close()
    diary.close()
    diary.unlink()
    assert diary.lines == [
        "open?", "open! 0", "lock?", "lock! 1", "close?", "close: OutOfOrderError",
        "unlock?", "unlock! 0", "close?", "close! 0", "unlink?", "unlink! 0",
    ]  # fmt: skip


def test_what_the_system_refuses_is_told(name):
    path = f"/dev/shm/sem.{name}"
    os.mkdir(path)
    try:
        with pytest.raises(procsync.NativeCallError, match="sem_open") as caught:
            NativeSemaphore.instantiate(name).open()
        assert caught.value.errno and isinstance(caught.value, OSError)
    finally:
        os.rmdir(path)


def test_a_killed_holder_is_replaced_and_told_of(semaphore, name):
    holder = Child(HOLD, name)
    holder.expect("held")
    seen = procsync.inspect.show_native(name)
    assert seen.kind == "native semaphore"
    assert (seen.available, seen.capacity) == (0, 1)
    assert [one.pid for one in seen.holders] == [holder.pid]
    waiter = Child(
        """
        import sys
        from procsync.native import NativeSemaphore
        semaphore = NativeSemaphore.instantiate(sys.argv[1])
        semaphore.open()
        print(semaphore.lock(timeout=60), semaphore.abandoned.pid, semaphore.abandoned.cause)
        semaphore.unlock()
        """,
        name,
    )
    eventually(lambda: procsync.inspect.show_native(name).waiters, "nobody waits")
    holder.kill()
    waiter.expect(f"True {holder.pid} died")
    assert semaphore.lock(timeout=60)
    assert semaphore.abandoned is None
    assert Foreign(name).value() == 0


def test_who_ends_locked_leaves_it_to_the_next(semaphore, name):
    def forget():
        own = NativeSemaphore.instantiate(name)
        own.open()
        own.lock()

    in_a_thread(forget)
    assert semaphore.lock(timeout=60)
    assert semaphore.abandoned is not None and semaphore.abandoned.pid == os.getpid()


def test_a_forked_child_has_none_of_its_parents_holds(semaphore):
    semaphore.lock()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            assert semaphore.counts == (0, 0)
            assert semaphore.lock(blocking=False) is False
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    assert semaphore.counts == (1, 1)


def test_a_signal_handler_that_raises_ends_the_wait(semaphore, name):
    holder = Child(HOLD, name)
    holder.expect("held")

    def stop(_number, _frame):
        raise InterruptedError("enough")

    before = signal.signal(signal.SIGALRM, stop)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(InterruptedError, match="enough"):
            semaphore.lock()
    finally:
        signal.signal(signal.SIGALRM, before)
    assert semaphore.counts == (0, 0)
    holder.kill()
    assert semaphore.lock(timeout=60)


def test_without_a_ledger_nobody_is_known(name):
    semaphore = NativeSemaphore.instantiate(name, ledger=False)
    with semaphore:
        assert semaphore.accounts is None
        with pytest.raises(procsync.NotFoundError):
            procsync.inspect.show_native(name)
    semaphore.close()
    semaphore.unlink()
