"""The system's own named semaphores, for programs that share one with software that has no procsync.

``NativeSemaphore.instantiate("jobs")`` stands for what a C program opens with
``sem_open("/jobs", O_CREAT, 0644, 1)`` or ``CreateSemaphoreW(…, L"Global\\\\jobs")``, and what the packages
posix_ipc and ctypes reach: they exclude each other. If all programs are yours, take :class:`procsync.Lock`.

>>> from procsync.native import NativeSemaphore
>>> semaphore = NativeSemaphore.instantiate("native-example")
>>> with semaphore:
...     semaphore.counts
Counts(depth=1, process=1)
>>> semaphore.close()
>>> semaphore.unlink()
True

An instance belongs to the thread that instantiated it, which gets the same one each time it asks. In any
other thread every step raises :class:`procsync.WrongThreadError`. It is not for asyncio, whose tasks have
no thread of their own.
"""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from ._procsync import Deceased, Participant, _native_unlink, _NativeSemaphore

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Literal, Self

__all__ = [
    "Accounts",
    "Change",
    "Changes",
    "Counts",
    "Identity",
    "NativeSemaphore",
    "Status",
    "unlink",
]


class Status(NamedTuple):
    """How an instance stands."""

    opened: bool
    locked: bool
    reentrant: bool
    """It is locked more than once."""
    closed: bool
    """It was open and is closed: only :meth:`NativeSemaphore.unlink` is left."""
    unlinked: bool


class Counts(NamedTuple):
    """Both counts of an instance, as of one moment."""

    depth: int
    """How often it is locked, one within the other."""
    process: int
    """Whether it has a unit of the system's semaphore: 1, else 0."""


class Change(NamedTuple):
    """What a count was and what it is."""

    before: int
    after: int


class Changes(NamedTuple):
    """How a step changed both counts."""

    depth: Change
    process: Change


class Identity(NamedTuple):
    """Who an instance is."""

    name: str
    thread: int
    process: int
    uuid: str
    """All three in one: ``name:thread:process``."""
    address: int | None
    """Where the system has put the semaphore, once it was opened."""


class Accounts(NamedTuple):
    """What is known of all units at one moment."""

    capacity: int | None
    """How many units it was made with; None: not known."""
    free: int | None
    """How many are free, where the system tells (not on macOS, nor on Windows)."""
    held: int
    """How many are held by users of procsync."""
    abandoned: int
    """How many belonged to users that died, and go to the next one."""
    doubtful: int
    """How many users died while they took or gave back: whether a unit went with them cannot be told."""
    unknown: int | None
    """How many are missing: held by programs that have no procsync, or gone with one of the doubtful."""


class _Instances(threading.local):
    """The instances of this thread."""

    def __init__(self) -> None:
        self.by_name: weakref.WeakValueDictionary[str, NativeSemaphore] = weakref.WeakValueDictionary()


_instances = _Instances()
_Made = TypeVar("_Made", bound="NativeSemaphore")


class NativeSemaphore(_NativeSemaphore):
    """One of the system's own named semaphores, as one thread uses it.

    Its life is ``instantiate, open, lock (lock …), unlock (unlock …), close, unlink``. A step out of this
    order raises :class:`procsync.OutOfOrderError` and changes nothing. Override :meth:`will_attempt`,
    :meth:`succeeded` and :meth:`failed` to follow the steps.

    :param initial: how many units it has if this makes it.
    :param mode: who may use it if this makes it, as in :func:`os.chmod`; cut by the umask.
    :param scope: who shares the ledger beside it, which knows who holds and who waits.
    :param ledger: False for none. Then nobody knows who holds, and what a dead holder held is lost.
    :param participants: how many threads of all processes can use it at once with a ledger.
    """

    _changes: Changes | None = None
    _abandoned: Deceased | None = None

    @classmethod
    def instantiate(
        cls: type[_Made],
        name: str,
        *,
        initial: int = 1,
        mode: int = 0o644,
        scope: Literal["user", "machine"] = "user",
        ledger: bool = True,
        participants: int | None = None,
    ) -> _Made:
        """This thread's instance for this name: the same one until it is closed or goes.

        :raises MismatchError: if it has other options.
        :raises NameTakenError: if it is of another class.
        """
        made = cls(name, initial, mode, scope, ledger, participants)
        known = _instances.by_name.get(made.name)
        if known is not None and known._is_same(made):
            if not isinstance(known, cls):
                from . import NameTakenError

                raise NameTakenError(
                    f"native semaphore {made.name!r}: the name is taken by a {type(known).__name__}",
                    name=made.name,
                    kind="native semaphore",
                )
            return known
        _instances.by_name[made.name] = made
        return made

    def open(self) -> bool:
        """Opens the semaphore, and makes it if there is none; whether it did."""
        self.will_attempt("open")
        return bool(self._told("open", self._open))

    def lock(self, blocking: bool = True, timeout: float | None = None) -> bool:
        """Waits until there is a unit and takes it; locked already, it only counts.

        :param blocking: False: not at all.
        :param timeout: for so many seconds; None or -1: for ever.
        :returns: False if it could not be had in time.
        """
        self.will_attempt("lock")
        try:
            got = self._lock(blocking, timeout)
        except Exception as error:
            self.failed("lock", error)
            raise
        if got is None:
            return False
        changes, self._abandoned = got
        self._changes = _changes(changes)
        self.succeeded("lock")
        return True

    def unlock(self) -> None:
        """Undoes the last lock; the outermost unlock gives the unit back to the system."""
        self.will_attempt("unlock")
        try:
            changes = self._unlock()
        except Exception as error:
            self.failed("unlock", error)
            raise
        self._changes = _changes(changes)
        self.succeeded("unlock")

    def close(self) -> None:
        """Closes the semaphore, which itself stays until it is unlinked. Not while it is locked."""
        self.will_attempt("close")
        self._told("close", self._close)

    def unlink(self) -> bool:
        """Takes the semaphore's name away, after it was closed; whether it still had one.

        Who has it open goes on with it; who opens the name later makes another one.
        """
        self.will_attempt("unlink")
        return bool(self._told("unlink", self._unlink))

    @property
    def status(self) -> Status:
        """How it stands."""
        return Status(*self._status())

    @property
    def counts(self) -> Counts:
        """Both counts, as of one moment."""
        return Counts(*self._counts())

    @property
    def changes(self) -> Changes | None:
        """How the last lock or unlock changed the counts; None before the first."""
        return self._changes

    @property
    def identity(self) -> Identity:
        """Who it is."""
        return Identity(*self._identity())

    @property
    def abandoned(self) -> Deceased | None:
        """The previous holder, if it died holding what was got by the last lock."""
        return self._abandoned

    @property
    def accounts(self) -> Accounts | None:
        """What is known of all its units; None without a ledger."""
        accounts = self._accounts()
        return None if accounts is None else Accounts(*accounts)

    @property
    def holders(self) -> list[Participant]:
        """Who holds its units, as far as they are in the ledger."""
        return self._holders()

    def reap(self) -> int:
        """Gives back to the system what dead holders had, and nobody has taken over; how many units.

        Users of procsync take them over by themselves; this is for those who only see the system's count.
        """
        return self._reap()

    def post_doubtful(self) -> int:
        """Gives back all units that are missing; how many.

        Only if you know that no program holds one that has no procsync: it would not be alone any more.
        """
        return self._post_doubtful()

    def will_attempt(self, step: str) -> None:
        """Called before each step: ``"open"``, ``"lock"``, ``"unlock"``, ``"close"``, ``"unlink"``."""

    def succeeded(self, step: str) -> None:
        """Called after a step that succeeded. (A lock that was not to be had in time did not.)"""

    def failed(self, step: str, error: Exception) -> None:
        """Called after a step that failed."""

    def __enter__(self) -> Self:
        """Opens it if it is not open, and locks it."""
        if not self.status.opened:
            self.open()
        self.lock()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Unlocks it."""
        self.unlock()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"

    def _told(self, step: str, take: Any) -> Any:
        try:
            answer = take()
        except Exception as error:
            self.failed(step, error)
            raise
        self.succeeded(step)
        return answer


def _changes(of: tuple[int, int, int, int]) -> Changes:
    return Changes(Change(of[0], of[1]), Change(of[2], of[3]))


def unlink(name: str, scope: Literal["user", "machine"] = "user") -> bool:
    """Takes a semaphore's name away without opening it, and its ledger; False: there was none."""
    return _native_unlink(name, scope)
