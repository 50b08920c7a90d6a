"""Where fastipc has its built module."""

from __future__ import annotations

from ...raw import AtomicU32, AtomicU64, FutexWord, Mutex, Semaphore

__all__ = ["AtomicU32", "AtomicU64", "FutexWord", "Mutex", "Semaphore"]
