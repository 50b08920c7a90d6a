"""Words in memory that the caller supplies: any writable buffer.

A ``bytearray``, an ``mmap``, ``multiprocessing.shared_memory.SharedMemory.buf``, a NumPy array. The buffer
is kept alive and pinned until the object that lies in it is closed or goes. Nothing here survives the
death of a holder; :class:`procsync.Lock` and its like do.

>>> from procsync.raw import AtomicU64, Mutex
>>> memory = bytearray(128)
>>> count = AtomicU64(memoryview(memory)[:8])
>>> count.fetch_add(2)
0
>>> with Mutex(memoryview(memory)[64:]):
...     count.load()
2
"""

from __future__ import annotations

from ._procsync import AtomicU32, AtomicU64, FutexWord
from ._procsync import RawMutex as Mutex
from ._procsync import RawSemaphore as Semaphore

__all__ = ["AtomicU32", "AtomicU64", "FutexWord", "Mutex", "Semaphore"]
