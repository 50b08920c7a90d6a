"""A mutex by name."""

from __future__ import annotations

import os
import threading
from types import TracebackType
from typing import Optional

from ..._procsync import Lock

_MAGIC = 0x4D555458


class NamedMutex:
    """Mutual exclusion between all processes that know the name.

    The process owns it: any of its threads may release it. A second thread waits like everybody
    else; the thread that acquired it gets an error if it acquires it again. A holder that dies is
    replaced.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = Lock(f"fastipc.mutex.{name}")

    def acquire(self) -> bool:
        """Acquires it, waiting as long as that takes."""
        return self._lock.acquire(False) or self._wait(-1)

    def acquire_ns(self, timeout_ns: int = -1, spin: int = 16) -> bool:
        """Acquires it; False if it could not be had in time. Negative is for ever, 0 is at once.

        How long a wait looks before it sleeps is learnt from earlier waits, or told by the
        environment variable ``PROCSYNC_SPIN``; ``spin`` means nothing.
        """
        if self._lock.acquire(False):
            return True
        return timeout_ns != 0 and self._wait(timeout_ns)

    def _wait(self, timeout_ns: int) -> bool:
        owner = self._lock.owner
        if owner is not None and owner.pid == os.getpid() and owner.tid == threading.get_native_id():
            if not owner.foreign_namespace:
                raise RuntimeError(
                    f'mutex "{self._lock.name}": the calling thread holds it already and would wait'
                    " for itself; release it first"
                )
        return self._lock.acquire(True, -1 if timeout_ns < 0 else timeout_ns / 1e9)

    def try_acquire(self) -> bool:
        """Acquires it if it is free."""
        return self._lock.acquire(False)

    def release(self) -> None:
        """Releases it; RuntimeError if this process does not hold it."""
        self._lock.release()

    def try_release(self) -> bool:
        """Releases it; False if this process does not hold it."""
        try:
            self._lock.release()
        except RuntimeError:
            return False
        return True

    def force_release(self) -> None:
        """Takes it away from whoever holds it. Not needed after a death."""
        self._lock.force_release()

    def owner_pid(self) -> int:
        """The process id of the holder; 0 if nobody holds it."""
        owner = self._lock.owner
        return 0 if owner is None else owner.pid

    def last_acquired_ns(self) -> int:
        """When it was last acquired, in ns since 1970; 0 if never."""
        return self._lock._last_acquired_ns()

    def magic(self) -> int:
        """What :meth:`fastipc.Mutex.magic` answers."""
        return _MAGIC

    def close(self) -> None:
        """Closes this handle."""
        self._lock.close()

    def __enter__(self) -> NamedMutex:
        if not self._lock.acquire(False):
            self._wait(-1)
        return self

    def __exit__(
        self,
        exc_type: Optional[type[BaseException]],
        exc_value: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self._lock.release()
