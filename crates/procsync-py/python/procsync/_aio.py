"""Waiting in asyncio: loaded when it is first used.

What can be had at once is taken in the event loop. Else a thread of its own waits for it: one for
each wait, so that no pool of threads can be full of waiters while the one that would release is queued
behind them. A wait that is cancelled tells its thread, which goes within 25 ms; what it may have got
meanwhile it gives back.
"""

from __future__ import annotations

import asyncio
import threading
import weakref
from typing import TYPE_CHECKING, Any, Callable, Optional, Protocol

from ._errors import NotOwnerError
from ._procsync import _Cancel

if TYPE_CHECKING:
    from ._procsync import Event, Lock, RLock, Semaphore, TokenSemaphore


class _Waitable(Protocol):
    def _acquire_cancellable(self, timeout: Optional[float], cancel: _Cancel) -> bool: ...


def _nothing() -> None:
    pass


class _Wait:
    """One wait: a thread that waits, and a task that waits for the thread."""

    def __init__(
        self,
        what: _Waitable,
        timeout: Optional[float],
        give_back_in_thread: Callable[[], object],
        give_back_in_task: Callable[[], object],
        then: Callable[[], object] = _nothing,
    ) -> None:
        self._what = what
        self._timeout = timeout
        self._give_back_in_thread = give_back_in_thread
        self._give_back_in_task = give_back_in_task
        self._then = then
        # Whoever changes it first decides whose it is: the task's (delivered) or nobody's (cancelled).
        self._cancel = _Cancel()
        self._got = False
        self._error: Optional[BaseException] = None
        self._loop = asyncio.get_running_loop()
        self._done: asyncio.Future[None] = self._loop.create_future()

    async def result(self) -> bool:
        # A daemon: a program that ends does not stay for what its tasks waited for.
        threading.Thread(target=self._run, name="procsync-wait", daemon=True).start()
        try:
            await self._done
        except BaseException:
            if not self._cancel.cancel() and self._got:
                # It was delivered just before the task was cancelled.
                self._got = False
                self._give_back_in_task()
            raise
        if self._error is not None:
            raise self._error
        return self._got

    def _run(self) -> None:
        try:
            self._got = self._what._acquire_cancellable(self._timeout, self._cancel)
        except BaseException as error:
            self._error = error
        if self._cancel.deliver():
            try:
                self._loop.call_soon_threadsafe(self._tell)
            except RuntimeError:  # The loop is closed: the task will never go on.
                pass
            else:
                if self._got:
                    self._then()
                return
        if self._got:
            self._got = False
            self._give_back_in_thread()

    def _tell(self) -> None:
        if not self._done.done():
            self._done.set_result(None)


async def acquire(what: Lock | Semaphore | TokenSemaphore, timeout: Optional[float] = None) -> bool:
    if what.acquire(False):
        return True
    return await _Wait(what, timeout, what.release, what.release).result()


async def release(what: Lock | Semaphore | TokenSemaphore) -> None:
    what.release()


async def wait(event: Event, timeout: Optional[float] = None) -> bool:
    if event.wait(0):
        return True
    give_back = event.set if event.auto_reset else _nothing
    return await _Wait(event, timeout, give_back, give_back).result()


class _TaskHold:
    """What a task has of a reentrant lock: a thread that owns it on the task's behalf."""

    def __init__(self, lock: RLock) -> None:
        self.lock = lock
        self.depth = 1
        self.abandoned = False
        self._leave = threading.Event()
        self._loop = asyncio.get_running_loop()
        self._left: asyncio.Future[None] = self._loop.create_future()

    def stay(self) -> None:
        """Run by the thread that owns the lock, until the task gives it back."""
        self._leave.wait()
        if self.abandoned:
            return  # A thread that ends with the lock leaves it abandoned, and the next one is told.
        self.lock.release()
        try:
            self._loop.call_soon_threadsafe(self._tell)
        except RuntimeError:
            pass

    def _tell(self) -> None:
        if not self._left.done():
            self._left.set_result(None)

    def give_back(self) -> None:
        self._leave.set()

    async def left(self) -> None:
        await self._left


_Task = Any  # asyncio.Task, which is generic or not depending on the Python
_holds: weakref.WeakKeyDictionary[RLock, dict[_Task, _TaskHold]] = weakref.WeakKeyDictionary()


def _current_task() -> _Task:
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("only a task can own a reentrant lock")
    return task


async def acquire_by_task(lock: RLock, timeout: Optional[float] = None) -> bool:
    task = _current_task()
    holds = _holds.setdefault(lock, {})
    hold = holds.get(task)
    if hold is not None:
        hold.depth += 1
        return True
    hold = _TaskHold(lock)
    if not await _Wait(lock, timeout, lock.release, hold.give_back, hold.stay).result():
        return False
    holds[task] = hold
    task.add_done_callback(_abandon(holds))
    return True


def _abandon(holds: dict[_Task, _TaskHold]) -> Callable[[_Task], None]:
    def task_ended(task: _Task) -> None:
        hold = holds.pop(task, None)
        if hold is not None:
            hold.abandoned = True
            hold.give_back()

    return task_ended


async def release_by_task(lock: RLock) -> None:
    task = _current_task()
    holds = _holds.get(lock, {})
    hold = holds.get(task)
    if hold is None:
        message = f'reentrant mutex "{lock.name}": the current task does not hold it'
        raise NotOwnerError(message, kind="reentrant mutex", name=lock.name)
    hold.depth -= 1
    if hold.depth == 0:
        del holds[task]
        hold.give_back()
        # So that whoever comes next in this task finds it free.
        await hold.left()
