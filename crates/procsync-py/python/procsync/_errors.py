"""What can go wrong. Each exception is also the built-in one that fits."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._procsync import Deceased, Participant


class Error(Exception):
    """Base of all exceptions of this package.

    The text says what was tried, on which object, what the system answered, and what to do.
    """

    name: str | None = None
    """The name of the object."""
    kind: str | None = None
    """What kind of object it is, or was to be: ``"mutex"``, ``"semaphore"``, …"""
    holder: Participant | None = None
    """Who holds it (or one of those who do), where that stands in the way."""
    died: Deceased | None = None
    """Who died holding it, where that is the reason."""
    waited: float | None = None
    """How long it was waited for, in seconds."""
    path: str | None = None
    """The file or directory in question."""

    def __init__(self, message: str = "", **facts: object) -> None:
        super().__init__(message)
        for fact, value in facts.items():
            setattr(self, fact, value)

    def __reduce__(self) -> tuple[object, ...]:
        facts = {}
        for fact in _FACTS:
            value = getattr(self, fact, None)
            if value is not None:
                facts[fact] = value
        return _rebuild, (type(self), str(self), facts)


_FACTS = ("name", "kind", "holder", "died", "waited", "path", "errno")


def _rebuild(cls: type[Error], message: str, facts: dict[str, object]) -> Error:
    return cls(message, **facts)


class InvalidNameError(Error, ValueError):
    """The name cannot be an object's name."""


class InvalidArgumentError(Error, ValueError):
    """An argument makes no sense for this object."""


class AlreadyExistsError(Error, FileExistsError):
    """It was to be created, but is there."""


class NotFoundError(Error, FileNotFoundError):
    """It was to be attached to, but is not there."""


class WrongKindError(Error, TypeError):
    """The name stands for an object of another kind."""


class MismatchError(Error, ValueError):
    """It exists, with other properties than were asked for."""


class DamagedError(Error, OSError):
    """What lies under the name is not an object of this library, or its bytes are damaged."""


class LayoutVersionError(Error, RuntimeError):
    """It was made by a version of this library that lays its bytes out differently."""


class TimedOutError(Error, TimeoutError):
    """The wait was not over in time."""


class AlreadyOwnedError(Error, RuntimeError):
    """The calling thread holds it already; waiting for itself would last for ever."""


class NotOwnerError(Error, RuntimeError):
    """The caller does not hold what it wants to release."""


class NotAcquiredError(Error, ValueError):
    """More was released than this process had acquired through this handle."""


class AbandonedError(Error, RuntimeError):
    """Its last holder died holding it, and this handle refuses it until it is repaired."""


class NoSlotsError(Error, OSError):
    """There are as many participants as it has slots."""


class CountOverflowError(Error, OverflowError):
    """A count would pass its limit; it is unchanged."""


class BusyError(Error, TimeoutError):
    """Another process is creating or removing the object and does not get on with it."""


class UnsafeDirectoryError(Error, PermissionError):
    """The directory in which objects lie cannot be trusted."""


class ClosedError(Error, ValueError):
    """This handle was closed."""


class SystemCallError(Error, OSError):
    """The system refused; ``errno`` says why."""


class NativeCallError(SystemCallError):
    """The system refused a call on one of its own semaphores; ``errno`` says why (on Windows, GetLastError)."""


class OutOfOrderError(Error, RuntimeError):
    """A step of a native semaphore's life out of its order; nothing was changed."""


class NameTakenError(Error, ValueError):
    """Another instance of this thread is registered under the name."""


class NoLedgerError(Error, OSError):
    """No ledger can be kept beside a native semaphore."""


class WrongThreadError(Error, RuntimeError):
    """The instance belongs to another thread."""


class PermissionDeniedError(SystemCallError, PermissionError):
    """The system refused for lack of permission."""


for _class in list(globals().values()):
    if isinstance(_class, type) and issubclass(_class, Error):
        _class.__module__ = "procsync"
del _class
