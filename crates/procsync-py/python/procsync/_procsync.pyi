"""The built module. Its documentation is here; use it through :mod:`procsync`, which says what is public."""

from types import TracebackType
from typing import Any, Generic, Literal, TypeVar, final

from typing_extensions import Buffer, Self, TypeAlias, disjoint_base

_Scope: TypeAlias = Literal["user", "machine"]
_How: TypeAlias = Literal["open", "create", "attach"]
_Spin: TypeAlias = Literal["adaptive", "never"] | int
_Owned_co = TypeVar("_Owned_co", covariant=True)

__version__: str
__all__ = [
    "AtomicU32",
    "AtomicU64",
    "Deceased",
    "Event",
    "FutexWord",
    "Hold",
    "Lock",
    "Participant",
    "RLock",
    "RawMutex",
    "RawSemaphore",
    "Semaphore",
    "SharedMemory",
    "Snapshot",
    "TokenSemaphore",
    "_Cancel",
    "_NativeSemaphore",
    "__version__",
    "_native_unlink",
    "list_objects",
    "remove",
    "show",
    "show_native",
]

@final
class Participant:
    """A process or thread that holds an object or waits for it.

    Everything in it was written down to be shown. What decides whether it lives is a lock that the
    kernel keeps, never its pid.
    """

    def __new__(
        cls,
        pid: int,
        tid: int = 0,
        command: str = ...,
        since: float | None = None,
        dead: bool = False,
        foreign_namespace: bool = False,
    ) -> Self: ...
    @property
    def pid(self) -> int:
        """Its process id, in its own pid namespace."""
    @property
    def tid(self) -> int:
        """Its thread id; 0 if the whole process is meant and no thread of it is known."""
    @property
    def command(self) -> str:
        """Its command line if it can be read here, else the name that it left."""
    @property
    def since(self) -> float | None:
        """Since when it holds or waits, as ``time.time()`` tells it, to about 10 ms."""
    @property
    def dead(self) -> bool:
        """It died, and nobody has taken its place yet."""
    @property
    def foreign_namespace(self) -> bool:
        """Its pid means nothing here: it lives in another pid namespace."""
    @property
    def duration(self) -> float | None:
        """For how many seconds it holds or waits by now."""
    def __eq__(self, value: object, /) -> bool: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[type[Participant], tuple[Any, ...]]: ...

@final
class Deceased:
    """A holder that let go without releasing."""

    def __new__(
        cls, pid: int, tid: int = 0, cause: str = ..., noticed: float | None = None
    ) -> Self: ...
    @property
    def pid(self) -> int:
        """Its process id, in its own pid namespace."""
    @property
    def tid(self) -> int:
        """Its thread id; 0 if it held as a process."""
    @property
    def cause(self) -> str:
        """``"died"``, ``"thread exited"``, ``"closed"`` (the handle) or ``"forced"`` (by force_release)."""
    @property
    def noticed(self) -> float | None:
        """When that was noticed, as ``time.time()`` tells it."""
    def __eq__(self, value: object, /) -> bool: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[type[Deceased], tuple[Any, ...]]: ...

@final
class Hold(Generic[_Owned_co]):
    """What ``hold()`` answers: a context manager that acquires an object, or raises TimedOutError."""

    def __enter__(self) -> _Owned_co:
        """Acquires the object and answers it."""
    def __exit__(self, *_exception: object) -> None:
        """Releases the object."""

@disjoint_base
class Lock:
    """Mutual exclusion between all processes that know the name.

    The process owns it, as with :class:`threading.Lock`: any of its threads may release it, and locking it
    twice waits, because another thread may release it meanwhile. A holder that dies is replaced, and the
    next one is told.

    Without a name, the object is anonymous: other processes get it by being forked, or by pickling.
    Pickling is by name only. An anonymous object must still be in use when it is unpickled.
    """

    def __new__(
        cls,
        name: str | None = None,
        *,
        how: _How = "open",
        on_abandoned: Literal["report", "refuse", "ignore"] = "report",
        scope: _Scope = "user",
        mode: int | None = None,
        persistent: bool = False,
        participants: int | None = None,
        spin: _Spin | None = None,
    ) -> Self:
        """Opens the lock.

        :param name: ASCII letters, digits and ``. _ - + @ =``, at most 128. A prefix ``/`` is taken off.
        :param how: ``"open"`` attaches or creates, ``"create"`` demands that there is none, ``"attach"`` that
            there is one.
        :param on_abandoned: what acquiring does when the last holder died: ``"report"`` gives it, and
            :attr:`abandoned` tells who died; ``"refuse"`` raises :class:`AbandonedError` until somebody has
            called :meth:`repair`; ``"ignore"`` gives it and does not tell.
        :param scope: ``"user"``: only this user's processes; ``"machine"``: whom ``mode`` lets in.
        :param mode: with ``scope="machine"``, the permissions as in chmod: 0o666 everybody, 0o660 the group.
        :param persistent: whether it stays when its last user leaves (counts when it is created).
        :param participants: how many processes and waiting threads it has room for (counts when it is
            created; default 1024).
        :param spin: how long waits look before they sleep: ``"adaptive"``, ``"never"`` or a number of
            pauses. Default: what ``PROCSYNC_SPIN`` says, else adaptive.
        """
    def acquire(self, blocking: bool = True, timeout: float | None = -1) -> bool:
        """Acquires it; False if it could not be had (in time).

        Arguments and errors are those of :meth:`threading.Lock.acquire`; None is for ever too.
        """
    def release(self) -> None:
        """Releases it, in whichever thread of the process that holds it.

        :raises NotOwnerError: (a RuntimeError) if this process does not hold it.
        """
    def locked(self) -> bool:
        """Whether anybody holds it."""
    def hold(self, timeout: float | None = None) -> Hold[Self]:
        """``with lock.hold(timeout=5):`` acquires it, or raises :class:`TimedOutError`, which tells who has it."""
    def repair(self) -> None:
        """Waits for it and takes it even if its holder died, whatever the policy of this handle is.

        To set right what it guards; after :meth:`release` it is as good as new.
        """
    def force_release(self) -> bool:
        """Takes it away from whoever holds it, as if that one had died; False if nobody holds it.

        What the holder does under it meanwhile is no longer excluded: a last resort.
        """
    @property
    def owner(self) -> Participant | None:
        """Who holds it. May be old when the answer comes."""
    @property
    def waiters(self) -> list[Participant]:
        """Who sleeps for it. (A wait that is still spinning is not seen.)"""
    @property
    def abandoned(self) -> Deceased | None:
        """The previous holder, if it died holding it; as of the last acquisition through this handle."""
    @property
    def grant(self) -> int:
        """The number of the last acquisition through this handle, 0 if there was none.

        It grows with each acquisition of the object, whoever makes it: a fencing token.
        """
    @property
    def last_acquired(self) -> float | None:
        """When it was last acquired, by whomever, as ``time.time()`` tells it, to about 10 ms."""
    @property
    def on_abandoned(self) -> str:
        """What this handle does when a holder has died."""
    @property
    def name(self) -> str:
        """Its name, without prefix."""
    @property
    def closed(self) -> bool:
        """Whether this handle was closed."""
    def close(self) -> None:
        """Closes this handle; what it is used for afterwards raises :class:`ClosedError`.

        The object goes with its last user. A handle that is garbage is closed too.
        """
    def remove(self) -> None:
        """Removes the object: it goes with its last user, even if it is persistent."""
    async def acquire_async(self, timeout: float | None = None) -> bool:
        """Acquires it without blocking the event loop; False if it could not be had in time."""
    def __enter__(self) -> Literal[True]: ...
    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...
    async def __aenter__(self) -> bool: ...
    async def __aexit__(self, *_exception: object) -> None: ...
    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, Any]]: ...
    def _acquire_cancellable(self, timeout: float | None, cancel: _Cancel) -> bool: ...
    def _at_fork_reinit(self) -> None: ...
    def _last_acquired_ns(self) -> int: ...

@disjoint_base
class RLock:
    """A lock that the thread that has it can take again; free when it has been released as often.

    A kind of its own: a name is either a Lock or an RLock. The depth counts per thread, through all
    handles of the process. In asyncio (``async with``, :meth:`acquire_async`), a task owns it; each handle
    counts the layers of its own tasks.
    """

    def __new__(
        cls,
        name: str | None = None,
        *,
        how: _How = "open",
        scope: _Scope = "user",
        mode: int | None = None,
        persistent: bool = False,
        participants: int | None = None,
        spin: _Spin | None = None,
    ) -> Self:
        """Opens the lock; the parameters are those of :class:`Lock`."""
    def acquire(self, blocking: bool = True, timeout: float | None = -1) -> bool:
        """Acquires it, or one layer more; False if it could not be had (in time)."""
    def release(self) -> None:
        """Gives one layer back; with the last one it is free.

        :raises NotOwnerError: (a RuntimeError) if this thread does not hold it.
        """
    def locked(self) -> bool:
        """Whether anybody holds it."""
    def hold(self, timeout: float | None = None) -> Hold[Self]:
        """As :meth:`Lock.hold`."""
    def force_release(self) -> bool:
        """Takes it away, with all its layers, from whoever holds it; False if nobody does."""
    @property
    def owner(self) -> Participant | None:
        """Who holds it. May be old when the answer comes."""
    @property
    def waiters(self) -> list[Participant]:
        """Who sleeps for it."""
    @property
    def abandoned(self) -> Deceased | None:
        """The previous holder, if it died holding it; as of the last acquisition through this handle."""
    @property
    def grant(self) -> int:
        """The number of the last outermost acquisition through this handle; 0 if there was none."""
    @property
    def depth(self) -> int:
        """How many layers of it the calling thread has."""
    @property
    def name(self) -> str:
        """Its name, without prefix."""
    @property
    def closed(self) -> bool:
        """Whether this handle was closed."""
    def close(self) -> None:
        """Closes this handle."""
    def remove(self) -> None:
        """Removes the object: it goes with its last user, even if it is persistent."""
    async def acquire_async(self, timeout: float | None = None) -> bool:
        """Acquires it for the current task; False if it could not be had in time."""
    async def release_async(self) -> None:
        """Gives back a layer that the current task has."""
    def __enter__(self) -> Literal[True]: ...
    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...
    async def __aenter__(self) -> bool: ...
    async def __aexit__(self, *_exception: object) -> None: ...
    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, Any]]: ...
    def _acquire_cancellable(self, timeout: float | None, cancel: _Cancel) -> bool: ...
    def _acquire_restore(self, depth: int) -> None: ...
    def _at_fork_reinit(self) -> None: ...
    def _is_owned(self) -> bool: ...
    def _recursion_count(self) -> int: ...
    def _release_save(self) -> int: ...

@disjoint_base
class Semaphore:
    """Limits how many are inside at once, over all processes that know the name.

    The process that acquired a permit holds it, and any of its threads may release it. When it dies, its
    permits come back. To count things that nobody owns, there is :class:`TokenSemaphore`.
    """

    def __new__(
        cls,
        name: str | None = None,
        permits: int | None = 1,
        *,
        how: _How = "open",
        scope: _Scope = "user",
        mode: int | None = None,
        persistent: bool = False,
        participants: int | None = None,
        spin: _Spin | None = None,
    ) -> Self:
        """Opens the semaphore.

        :param permits: how many there are, 1 to 1048576; checked against those of an existing one. One
            that attaches need not say.

        The other parameters are those of :class:`Lock`.
        """
    def acquire(self, blocking: bool = True, timeout: float | None = -1) -> bool:
        """Acquires a permit; False if there was none (in time)."""
    def acquire_many(
        self, permits: int, blocking: bool = True, timeout: float | None = None
    ) -> bool:
        """Acquires several permits together; False if they could not be had in time.

        While it waits it holds none, so that those who want several cannot block each other.
        """
    def release(self, n: int = 1) -> None:
        """Gives back the ``n`` permits acquired last through this handle.

        :raises NotAcquiredError: (a ValueError) if this process has acquired fewer through it.
        """
    def hold(self, timeout: float | None = None) -> Hold[Self]:
        """As :meth:`Lock.hold`, one permit."""
    @property
    def capacity(self) -> int:
        """How many permits there are."""
    @property
    def available(self) -> int:
        """How many permits are free. May be old when the answer comes."""
    @property
    def indexes(self) -> list[int]:
        """Which permits this process has acquired through this handle, counted from 0, the newest last.

        With as many permits as there are devices, each holder has a device to itself.
        """
    @property
    def holders(self) -> list[Participant]:
        """Who holds permits, one entry for each permit."""
    @property
    def waiters(self) -> list[Participant]:
        """Who sleeps for a permit."""
    @property
    def abandoned(self) -> Deceased | None:
        """The previous holder of the permit acquired last through this handle, if it died holding it."""
    @property
    def name(self) -> str:
        """Its name, without prefix."""
    @property
    def closed(self) -> bool:
        """Whether this handle was closed."""
    def close(self) -> None:
        """Closes this handle."""
    def remove(self) -> None:
        """Removes the object: it goes with its last user, even if it is persistent."""
    async def acquire_async(self, timeout: float | None = None) -> bool:
        """Acquires a permit without blocking the event loop; False if there was none in time."""
    def __enter__(self) -> Literal[True]: ...
    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...
    async def __aenter__(self) -> bool: ...
    async def __aexit__(self, *_exception: object) -> None: ...
    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, Any]]: ...
    def _acquire_cancellable(self, timeout: float | None, cancel: _Cancel) -> bool: ...

@disjoint_base
class TokenSemaphore:
    """Counts things, over all processes that know the name: who makes one releases, who takes one acquires.

    Nobody owns a token, so nothing comes back when a process dies that has taken some.
    """

    def __new__(
        cls,
        name: str | None = None,
        initial: int = 0,
        *,
        how: _How = "open",
        scope: _Scope = "user",
        mode: int | None = None,
        persistent: bool = False,
        participants: int | None = None,
        spin: _Spin | None = None,
    ) -> Self:
        """Opens the semaphore. ``initial`` is the count of a new one; the rest as for :class:`Lock`."""
    def acquire(self, blocking: bool = True, timeout: float | None = -1) -> bool:
        """Takes a token; False if there was none (in time)."""
    def release(self, n: int = 1) -> None:
        """Adds ``n`` tokens and wakes as many who wait.

        :raises CountOverflowError: (an OverflowError) if there would be more than 2**32 - 1.
        """
    @property
    def value(self) -> int:
        """How many tokens there are. May be old when the answer comes."""
    @property
    def waiters(self) -> list[Participant]:
        """Who sleeps for a token."""
    @property
    def name(self) -> str:
        """Its name, without prefix."""
    @property
    def closed(self) -> bool:
        """Whether this handle was closed."""
    def close(self) -> None:
        """Closes this handle."""
    def remove(self) -> None:
        """Removes the object: it goes with its last user, even if it is persistent."""
    async def acquire_async(self, timeout: float | None = None) -> bool:
        """Takes a token without blocking the event loop; False if there was none in time."""
    def __enter__(self) -> Literal[True]: ...
    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...
    async def __aenter__(self) -> bool: ...
    async def __aexit__(self, *_exception: object) -> None: ...
    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, Any]]: ...
    def _acquire_cancellable(self, timeout: float | None, cancel: _Cancel) -> bool: ...

@disjoint_base
class Event:
    """Tells all processes that know the name that something has happened.

    It stays set until it is cleared; setting it lets everybody go on who waits, even if it is cleared
    before they run. With ``auto_reset``, each setting lets one waiter go on.
    """

    def __new__(
        cls,
        name: str | None = None,
        *,
        auto_reset: bool | None = None,
        initially_set: bool = False,
        how: _How = "open",
        scope: _Scope = "user",
        mode: int | None = None,
        persistent: bool = False,
        participants: int | None = None,
        spin: _Spin | None = None,
    ) -> Self:
        """Opens the event; the other parameters are those of :class:`Lock`."""
    def set(self) -> None:
        """Sets it and lets those go on who wait."""
    def clear(self) -> None:
        """Unsets it."""
    def is_set(self) -> bool:
        """Whether it is set."""
    def wait(self, timeout: float | None = None) -> bool:
        """Waits until it is set; False if it was not in time."""
    @property
    def auto_reset(self) -> bool:
        """Whether a wait that succeeded unsets it."""
    @property
    def waiters(self) -> list[Participant]:
        """Who sleeps until it is set."""
    @property
    def name(self) -> str:
        """Its name, without prefix."""
    @property
    def closed(self) -> bool:
        """Whether this handle was closed."""
    def close(self) -> None:
        """Closes this handle."""
    def remove(self) -> None:
        """Removes the object: it goes with its last user, even if it is persistent."""
    async def wait_async(self, timeout: float | None = None) -> bool:
        """Waits until it is set, without blocking the event loop; False if it was not in time."""
    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, Any]]: ...
    def _acquire_cancellable(self, timeout: float | None, cancel: _Cancel) -> bool: ...
    def _at_fork_reinit(self) -> None: ...

@disjoint_base
class SharedMemory:
    """Memory that all processes share which know the name.

    It lies under its plain POSIX name, so that programs that know nothing of procsync find it. It begins as
    zeros, and goes when the last procsync user leaves, however that one leaves.
    """

    def __new__(
        cls,
        name: str | None = None,
        size: int = 0,
        *,
        how: _How = "open",
        scope: _Scope = "user",
        mode: int | None = None,
        persistent: bool = False,
        participants: int | None = None,
    ) -> Self:
        """Opens the memory, which must have ``size`` bytes at least; a new one has exactly so many.

        One that attaches need not say a size. The other parameters are those of :class:`Lock`.
        """
    @property
    def buf(self) -> memoryview:
        """The bytes, to read and to write. Other processes may change them at any time."""
    @property
    def size(self) -> int:
        """Its size in bytes."""
    @property
    def created(self) -> bool:
        """Whether this handle's opening created it."""
    @property
    def processes(self) -> int:
        """How many processes have it open by procsync, this one included."""
    @property
    def name(self) -> str:
        """Its name, without prefix."""
    @property
    def closed(self) -> bool:
        """Whether this handle was closed."""
    def close(self) -> None:
        """Closes this handle and releases :attr:`buf`.

        :raises BufferError: if there are other views of the bytes.
        """
    def remove(self) -> None:
        """Removes the object: it goes with its last user, even if it is persistent."""
    def __len__(self) -> int: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *_exception: object) -> None: ...
    def __getnewargs_ex__(self) -> tuple[tuple[str], dict[str, Any]]: ...

@final
class Snapshot:
    """An object at one moment."""

    @property
    def name(self) -> str:
        """What it is called."""
    @property
    def kind(self) -> str:
        """What it is: ``"mutex"``, ``"reentrant mutex"``, ``"semaphore"``, …"""
    @property
    def state(self) -> str:
        """How it stands, for people: ``"held"``, ``"2 of 3 free"``, …"""
    @property
    def holders(self) -> list[Participant]:
        """Who holds it: one entry for a mutex, one per held permit for a semaphore."""
    @property
    def waiters(self) -> list[Participant]:
        """Who sleeps because of it."""
    @property
    def processes(self) -> int:
        """How many live processes have it open."""
    @property
    def persistent(self) -> bool:
        """Whether it stays when its last user leaves."""
    @property
    def created(self) -> float | None:
        """When it was made, as ``time.time()`` tells it."""
    @property
    def grants(self) -> int:
        """How often a mutex was acquired."""
    @property
    def contended(self) -> int:
        """How often somebody had to sleep for it."""
    @property
    def recovered(self) -> int:
        """How often something was taken back from a dead holder."""
    @property
    def available(self) -> int | None:
        """A semaphore's free permits; a native one's free units, if the system tells."""
    @property
    def capacity(self) -> int | None:
        """A semaphore's permits; the units that a native one was made with, if that is known."""
    @property
    def value(self) -> int | None:
        """A token semaphore's count."""
    @property
    def size(self) -> int | None:
        """A shared memory's bytes."""

def list_objects(scope: _Scope = "user") -> list[Snapshot | Exception]:
    """Looks at all objects of a scope, in the order of their names.

    One that is damaged is an exception in its place and does not hide the others.
    """

def show(name: str, scope: _Scope = "user") -> Snapshot:
    """Looks at one object, or at the native semaphore if no object has this name.

    :raises NotFoundError: if there is neither.
    """

def show_native(name: str, scope: _Scope = "user") -> Snapshot:
    """Looks at the ledger of a native semaphore, also if an object has the same name.

    :raises NotFoundError: if there is no such semaphore, or no ledger of it in this scope.
    """

@disjoint_base
class _NativeSemaphore:
    """What :class:`procsync.native.NativeSemaphore` is made of."""

    def __new__(
        cls,
        name: str,
        initial: int = 1,
        mode: int = 0o644,
        scope: _Scope = "user",
        ledger: bool = True,
        participants: int | None = None,
    ) -> Self: ...
    @property
    def name(self) -> str:
        """The name without prefix. In any thread."""
    def _is_same(self, other: _NativeSemaphore) -> bool: ...
    def _open(self) -> bool: ...
    def _lock(
        self, blocking: bool = True, timeout: float | None = None
    ) -> tuple[tuple[int, int, int, int], Deceased | None] | None: ...
    def _unlock(self) -> tuple[int, int, int, int]: ...
    def _close(self) -> None: ...
    def _unlink(self) -> bool: ...
    def _status(self) -> tuple[bool, bool, bool, bool, bool]: ...
    def _counts(self) -> tuple[int, int]: ...
    def _identity(self) -> tuple[str, int, int, str, int | None]: ...
    def _accounts(self) -> tuple[int | None, int | None, int, int, int, int | None] | None: ...
    def _holders(self) -> list[Participant]: ...
    def _reap(self) -> int: ...
    def _post_doubtful(self) -> int: ...

def _native_unlink(name: str, scope: _Scope = "user") -> bool: ...

def remove(name: str, scope: _Scope = "user") -> bool:
    """Removes an object by name, whatever its kind; False if there was none.

    One that is in use goes with its last user.
    """

@final
class FutexWord:
    """A 32-bit word in the caller's memory that threads and processes can sleep on until it changes."""

    def __new__(cls, buffer: Buffer, shared: bool = True) -> Self:
        """Uses the first four bytes. ``shared``: whether other processes map them; all users say the same."""
    def wait(self, expected: int, timeout_ns: int = -1) -> bool:
        """Sleeps while the word is ``expected``; False if the time is up. Negative is for ever.

        Can answer True for no reason: look again.
        """
    def wake(self, n: int = 1) -> int:
        """Wakes at most ``n`` of those who sleep on the word; answers how many."""
    def load_acquire(self) -> int:
        """Reads the word."""
    def store_release(self, v: int) -> None:
        """Writes the word; wakes nobody."""
    def close(self) -> None:
        """Lets the bytes go."""

@final
class AtomicU32:
    """A 32-bit number in the caller's memory that several processes change without locks."""

    def __new__(cls, buffer: Buffer) -> Self:
        """Uses the first four bytes."""
    def load(self) -> int:
        """Reads the number."""
    def store(self, v: int) -> None:
        """Writes the number."""
    def cas(self, expected: int, new: int) -> bool:
        """Writes ``new`` if the number is ``expected``; whether it was."""
    def swap(self, value: int, /) -> int:
        """Writes the number; answers what it was."""
    def fetch_add(self, value: int, /) -> int:
        """Adds, beginning again at 0 after the largest number; answers what it was."""
    def fetch_sub(self, value: int, /) -> int:
        """Subtracts, going on with the largest number below 0; answers what it was."""
    def fetch_and(self, value: int, /) -> int:
        """Keeps the bits that ``value`` has too; answers what it was."""
    def fetch_or(self, value: int, /) -> int:
        """Adds the bits that ``value`` has; answers what it was."""
    def max(self, value: int, /) -> int:
        """Makes it the larger one of itself and ``value``; answers what it was."""
    def min(self, value: int, /) -> int:
        """Makes it the smaller one of itself and ``value``; answers what it was."""
    def close(self) -> None:
        """Lets the bytes go."""

@final
class AtomicU64:
    """A 64-bit number in the caller's memory that several processes change without locks."""

    def __new__(cls, buffer: Buffer) -> Self:
        """Uses the first eight bytes."""
    def load(self) -> int:
        """Reads the number."""
    def store(self, v: int) -> None:
        """Writes the number."""
    def cas(self, expected: int, new: int) -> bool:
        """Writes ``new`` if the number is ``expected``; whether it was."""
    def swap(self, value: int, /) -> int:
        """Writes the number; answers what it was."""
    def fetch_add(self, value: int, /) -> int:
        """Adds, beginning again at 0 after the largest number; answers what it was."""
    def fetch_sub(self, value: int, /) -> int:
        """Subtracts, going on with the largest number below 0; answers what it was."""
    def fetch_and(self, value: int, /) -> int:
        """Keeps the bits that ``value`` has too; answers what it was."""
    def fetch_or(self, value: int, /) -> int:
        """Adds the bits that ``value`` has; answers what it was."""
    def max(self, value: int, /) -> int:
        """Makes it the larger one of itself and ``value``; answers what it was."""
    def min(self, value: int, /) -> int:
        """Makes it the smaller one of itself and ``value``; answers what it was."""
    def close(self) -> None:
        """Lets the bytes go."""

@final
class RawMutex:
    """A lock in 64 bytes of memory that the caller supplies.

    A process holds it: any of its threads may release it. The thread that acquired it gets an error if it
    acquires it again. It knows nothing of deaths: :meth:`force_release` is for them.
    """

    def __new__(cls, buffer: Buffer, shared: bool = True) -> Self:
        """Uses the first 64 bytes; zeros become a free mutex."""
    def acquire(self) -> bool:
        """Acquires it, waiting as long as that takes; True.

        :raises RuntimeError: if the calling thread has it.
        """
    def acquire_ns(self, timeout_ns: int = -1, spin: int = 16) -> bool:
        """Acquires it; False if it could not be had in time. Negative is for ever, 0 is at once.

        :param spin: how often to look before sleeping.
        """
    def try_acquire(self) -> bool:
        """Acquires it if it is free."""
    def release(self) -> None:
        """Releases it, in whichever thread of the process that holds it.

        :raises RuntimeError: if this process does not hold it.
        """
    def force_release(self) -> None:
        """Frees it whoever holds it, and wakes one who waits."""
    def locked(self) -> bool:
        """Whether anybody holds it."""
    def owner_pid(self) -> int:
        """The process id of the holder; 0 if nobody holds it."""
    def last_acquired_ns(self) -> int:
        """When it was last acquired, in ns since 1970; 0 if never."""
    def magic(self) -> int:
        """The number in its first four bytes: 0x4D555458."""
    def close(self) -> None:
        """Lets the bytes go."""
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...

@final
class RawSemaphore:
    """A count in 64 bytes of memory that the caller supplies. What is taken belongs to nobody."""

    def __new__(cls, buffer: Buffer, initial: int | None = None, shared: bool = True) -> Self:
        """Uses the first 64 bytes.

        :param initial: None attaches to what is there; a number makes a semaphore of zeros, and leaves one
            that is there as it is.
        """
    def post(self, n: int = 1) -> None:
        """Adds ``n``, and wakes as many that wait.

        :raises OverflowError: if the count would pass 2**32 - 1; it is unchanged.
        """
    def post1(self) -> None:
        """Adds one."""
    def wait(self, blocking: bool = True, timeout_ns: int = -1, spin: int = 128) -> bool:
        """Takes one; False if there was none in time. Negative is for ever."""
    def reset(self, count: int) -> None:
        """Sets the count, whatever it was, and wakes as many that wait."""
    def value(self) -> int:
        """How many there are."""
    def last_pid(self) -> int:
        """The process id of the process that took one last; 0 if none did."""
    def last_acquired_ns(self) -> int:
        """When one was last taken, in ns since 1970; 0 if never."""
    def magic(self) -> int:
        """The number in its first four bytes: 0x53454D41."""
    def close(self) -> None:
        """Lets the bytes go."""

@final
class _Cancel:
    """Ends a wait from another thread."""

    def __new__(cls) -> Self: ...
    def cancel(self) -> bool: ...
    def deliver(self) -> bool: ...
