"""Shared memory that goes with its last user."""

from __future__ import annotations

from types import TracebackType
from typing import Optional

from .._errors import MismatchError, NotFoundError
from .._procsync import SharedMemory

__all__ = ["GuardedSharedMemory", "NoShmFoundError"]


class NoShmFoundError(Exception):
    """There is no shared memory of that name."""


class _TooSmallError(RuntimeError, ValueError):
    """fastipc raised a RuntimeError from a ValueError."""


class GuardedSharedMemory:
    """POSIX shared memory that goes when the last process leaves, however it leaves."""

    def __init__(
        self,
        name: str,
        size: int,
        attach_only: bool = False,
        *,
        pid_dir: str = "/dev/shm/fastipc",
        max_attempts: int = 128,
        backoff_base: float = 0.002,
        try_cleanup_on_exit: bool = True,
    ) -> None:
        """Attaches to the memory, or creates it unless ``attach_only``.

        No process ids are kept in files any more, so ``pid_dir`` and the environment variable
        ``FASTIPC_PID_DIR`` mean nothing; nor do ``max_attempts`` and ``backoff_base``, for nothing is tried
        again and again. With ``try_cleanup_on_exit=False`` a new one stays until :meth:`unlink`.
        """
        if size <= 0:
            raise ValueError("size must be a positive integer")
        if not name:
            raise ValueError("name must be a non-empty string")
        if "/" in name:
            raise ValueError("name cannot contain '/' characters")
        try:
            if attach_only:
                self._memory = SharedMemory(name, size, how="attach")
            else:
                self._memory = SharedMemory(name, size, persistent=not try_cleanup_on_exit)
        except NotFoundError as error:
            raise NoShmFoundError(f"Shared memory segment '{name}' does not exist") from error
        except MismatchError as error:
            raise _TooSmallError(str(error)) from error
        self.created = self._memory.created

    @property
    def buf(self) -> memoryview:
        """The bytes."""
        return self._memory.buf

    @property
    def size(self) -> int:
        """Its size in bytes: of the whole, which may be more than was asked for."""
        return self._memory.size

    @property
    def name(self) -> str:
        """Its name."""
        return self._memory.name

    def get_num_procs(self) -> int:
        """How many processes use it."""
        return 0 if self._memory.closed else self._memory.processes

    def close(self) -> None:
        """Closes this handle. The memory goes with the last one."""
        self._memory.close()

    def detach(self) -> None:
        """The same."""
        self._memory.close()

    def unlink(self) -> None:
        """Lets the memory go with its last user, even if it was to stay."""
        if not self._memory.closed:
            self._memory.remove()

    def __enter__(self) -> GuardedSharedMemory:
        return self

    def __exit__(
        self,
        exc_type: Optional[type[BaseException]],
        exc_value: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()
