"""Objects by name."""

from __future__ import annotations

from .named_event import NamedEvent
from .named_mutex import NamedMutex
from .named_semaphore import NamedSemaphore

__all__ = ["NamedEvent", "NamedMutex", "NamedSemaphore"]
