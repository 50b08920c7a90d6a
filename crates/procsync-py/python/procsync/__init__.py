"""Locks, semaphores, events and shared memory by name, between processes of one machine.

A process that is killed at any instruction leaves nobody stuck: what it held comes back, and the next
holder is told. The names are those of :mod:`threading`; the first argument is the name that the
processes have in common. Without a name an object is anonymous, and goes to other processes by being
pickled or inherited.

>>> import procsync
>>> lock = procsync.Lock("init-example")
>>> with lock:
...     lock.locked()
True
"""

from __future__ import annotations

from ._errors import (
    AbandonedError,
    AlreadyExistsError,
    AlreadyOwnedError,
    BusyError,
    ClosedError,
    CountOverflowError,
    DamagedError,
    Error,
    InvalidArgumentError,
    InvalidNameError,
    LayoutVersionError,
    MismatchError,
    NameTakenError,
    NativeCallError,
    NoLedgerError,
    NoSlotsError,
    NotAcquiredError,
    NotFoundError,
    NotOwnerError,
    OutOfOrderError,
    PermissionDeniedError,
    SystemCallError,
    TimedOutError,
    UnsafeDirectoryError,
    WrongKindError,
    WrongThreadError,
)
from ._procsync import (
    Deceased,
    Event,
    Hold,
    Lock,
    Participant,
    RLock,
    Semaphore,
    SharedMemory,
    TokenSemaphore,
    __version__,
    remove,
)

__all__ = [
    "AbandonedError",
    "AlreadyExistsError",
    "AlreadyOwnedError",
    "BusyError",
    "ClosedError",
    "CountOverflowError",
    "DamagedError",
    "Deceased",
    "Error",
    "Event",
    "Hold",
    "InvalidArgumentError",
    "InvalidNameError",
    "LayoutVersionError",
    "Lock",
    "MismatchError",
    "NameTakenError",
    "NativeCallError",
    "NoLedgerError",
    "NoSlotsError",
    "NotAcquiredError",
    "NotFoundError",
    "NotOwnerError",
    "OutOfOrderError",
    "Participant",
    "PermissionDeniedError",
    "RLock",
    "Semaphore",
    "SharedMemory",
    "SystemCallError",
    "TimedOutError",
    "TokenSemaphore",
    "UnsafeDirectoryError",
    "WrongKindError",
    "WrongThreadError",
    "__version__",
    "remove",
]
