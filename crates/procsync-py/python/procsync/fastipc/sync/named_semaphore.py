"""A count by name."""

from __future__ import annotations

from typing import Optional

from ..._procsync import Lock, RawSemaphore, SharedMemory


class NamedSemaphore:
    """Counts things over all processes that know the name. What is taken belongs to nobody."""

    def __init__(self, name: str, initial: Optional[int] = None) -> None:
        """``initial`` is the count of a new one; one that is there is left as it is."""
        self._name = name
        # Under a lock, so that nobody finds it without its count.
        making = Lock(f"fastipc.sema-maker.{name}")
        try:
            with making:
                self._memory = SharedMemory(f"fastipc.sema.{name}", 64)
                self._semaphore = RawSemaphore(self._memory.buf, initial or 0, True)
        finally:
            making.close()

    def post(self, n: int = 1) -> None:
        """Adds n, and wakes as many that wait."""
        self._semaphore.post(n)

    def post1(self) -> None:
        """Adds one."""
        self._semaphore.post1()

    def wait(self, blocking: bool = True, timeout: float = -1.0, spin: int = 128) -> bool:
        """Takes one; False if there was none in time. The timeout is in seconds."""
        return self._semaphore.wait(blocking, int(timeout * 1_000_000_000), spin)

    def wait_ns(self, blocking: bool = True, timeout_ns: int = -1, spin: int = 128) -> bool:
        """Takes one; False if there was none in time. The timeout is in nanoseconds."""
        return self._semaphore.wait(blocking, timeout_ns, spin)

    def value(self) -> int:
        """How many there are."""
        return self._semaphore.value()

    def last_pid(self) -> int:
        """The process id of the process that took one last; 0 if none did."""
        return self._semaphore.last_pid()

    def last_acquired_ns(self) -> int:
        """When one was last taken, in ns since 1970; 0 if never."""
        return self._semaphore.last_acquired_ns()

    def magic(self) -> int:
        """The number in the first four bytes."""
        return self._semaphore.magic()

    def close(self) -> None:
        """Closes this handle."""
        self._semaphore.close()
        self._memory.close()

    P = wait
    acquire = wait
    V = post
    release = post
