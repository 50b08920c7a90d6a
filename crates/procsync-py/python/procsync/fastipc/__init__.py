"""A drop-in for the package ``fastipc``: change the import, and keep the program.

Everything that it had is here under the same names, in the same modules, and stands on :mod:`procsync`. It
behaves differently where the old behaviour was a fault; ``docs/python.md`` of the project lists each
place.

>>> from procsync.fastipc import NamedMutex
>>> mutex = NamedMutex("fastipc-example")
>>> with mutex:
...     mutex.owner_pid() > 0
True
>>> mutex.close()
"""

from __future__ import annotations

from ._primitives import AtomicU32, AtomicU64, FutexWord, Mutex, Semaphore
from .guarded_shared_memory import GuardedSharedMemory, NoShmFoundError
from .sync import NamedEvent, NamedMutex, NamedSemaphore
from .utils import align_to_cacheline_size

__all__ = [
    "AtomicU32",
    "AtomicU64",
    "FutexWord",
    "GuardedSharedMemory",
    "Mutex",
    "NamedEvent",
    "NamedMutex",
    "NamedSemaphore",
    "NoShmFoundError",
    "Semaphore",
    "align_to_cacheline_size",
]
