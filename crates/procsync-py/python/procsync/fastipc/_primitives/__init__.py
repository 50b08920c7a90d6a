"""Where fastipc has its primitives."""

from __future__ import annotations

from ._primitives import AtomicU32, AtomicU64, FutexWord, Mutex, Semaphore

__all__ = ["AtomicU32", "AtomicU64", "FutexWord", "Mutex", "Semaphore"]
