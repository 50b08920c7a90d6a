"""libprocsync from Python, by ctypes and nothing else.

    python3 ctypes_example.py             shows what there is
    python3 ctypes_example.py hold NAME   holds the mutex NAME until its standard input ends
    python3 ctypes_example.py try NAME    tries to take it

PROCSYNC_LIBRARY says where libprocsync.so is, if it is not where the system looks.
"""

import ctypes
import ctypes.util
import os
import signal
import sys
from ctypes import POINTER, byref, c_bool, c_char_p, c_int, c_int32, c_int64, c_uint32, c_uint64, c_void_p

library = ctypes.CDLL(os.environ.get("PROCSYNC_LIBRARY") or ctypes.util.find_library("procsync"))

FOREVER = -1
OK, TIMED_OUT, INTERRUPTED, INVALID_HANDLE = 0, 1, 2, 11
RESET_AUTO = 1


class Error(ctypes.Structure):  # procsync_error
    _fields_ = [
        ("code", c_int32), ("system_errno", c_int32), ("kind", c_int32),
        ("operation", c_char_p), ("object", c_char_p), ("message", c_char_p),
    ]


class Deceased(ctypes.Structure):  # procsync_deceased
    _fields_ = [
        ("pid", c_uint32), ("tid", c_uint32), ("cause", c_int32), ("reserved", c_int32), ("noticed_ns", c_uint64),
    ]


class Permit(ctypes.Structure):  # procsync_permit
    _fields_ = [("serial", c_uint64), ("index", c_uint32), ("count", c_uint32)]


INTERRUPT = ctypes.CFUNCTYPE(c_int, c_void_p)  # procsync_interrupt


def declare(name, *arguments, result=c_int32):
    """Says what a function takes, which ctypes cannot know; a pointer would be cut to 32 bits."""
    function = getattr(library, name)
    function.argtypes, function.restype = arguments, result
    return function


last_error = declare("procsync_last_error", result=POINTER(Error))
last_deceased = declare("procsync_last_deceased", result=POINTER(Deceased))
set_interrupt = declare("procsync_set_interrupt", INTERRUPT, c_void_p)
mutex_open = declare("procsync_mutex_open", c_char_p, c_void_p, POINTER(c_void_p))
mutex_lock = declare("procsync_mutex_lock", c_void_p, c_int64, POINTER(c_bool))
mutex_unlock = declare("procsync_mutex_unlock", c_void_p)
mutex_close = declare("procsync_mutex_close", c_void_p)
semaphore_open = declare("procsync_semaphore_open", c_char_p, c_uint32, c_void_p, POINTER(c_void_p))
semaphore_acquire = declare(
    "procsync_semaphore_acquire", c_void_p, c_uint32, c_int64, POINTER(Permit), POINTER(c_bool))
semaphore_release = declare("procsync_semaphore_release", c_void_p, POINTER(Permit))
semaphore_available = declare("procsync_semaphore_available", c_void_p, POINTER(c_uint32))
semaphore_close = declare("procsync_semaphore_close", c_void_p)
event_open = declare("procsync_event_open", c_char_p, c_int32, c_void_p, POINTER(c_void_p))
event_set = declare("procsync_event_set", c_void_p)
event_wait = declare("procsync_event_wait", c_void_p, c_int64)
event_close = declare("procsync_event_close", c_void_p)


class ProcsyncError(Exception):
    def __init__(self):
        error = last_error().contents
        self.code = error.code
        super().__init__(error.message.decode())


def check(status, *allowed):
    """A status is 0, or one that the caller expects, or an exception."""
    if status != OK and status not in allowed:
        raise ProcsyncError()
    return status


class Mutex:
    """`with Mutex("name"): ...`"""

    def __init__(self, name):
        self._handle = c_void_p()
        check(mutex_open(name.encode(), None, byref(self._handle)))

    def acquire(self, timeout_ns=FOREVER):
        """Whether it came in time. `abandoned_by` is the pid of a previous holder that died, or None."""
        abandoned = c_bool()
        # ctypes lets other Python threads run meanwhile.
        if check(mutex_lock(self._handle, timeout_ns, byref(abandoned)), TIMED_OUT) == TIMED_OUT:
            return False
        self.abandoned_by = last_deceased().contents.pid if abandoned else None
        return True

    def release(self):
        check(mutex_unlock(self._handle))

    def close(self):
        check(mutex_close(self._handle))
        self._handle = c_void_p()

    def __enter__(self):
        self.acquire()
        return self

    def __exit__(self, *_):
        self.release()


def interrupted_by_signal(name):
    """A wait that SIGALRM ends: Python runs its handler when the library asks whether to go on."""
    called = []
    signal.signal(signal.SIGALRM, lambda *_: called.append(True))
    ask = INTERRUPT(lambda _context: bool(called))  # keep it: ctypes would free it
    event = c_void_p()
    check(event_open(name.encode(), RESET_AUTO, None, byref(event)))
    check(set_interrupt(ask, None))
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    status = event_wait(event, FOREVER)
    check(set_interrupt(INTERRUPT(), None))
    check(event_close(event))
    return status


def show():
    own = f"ctypes-{os.getpid()}"
    mutex = Mutex(f"{own}-mutex")
    with mutex:
        assert mutex.abandoned_by is None
        try:
            mutex.acquire()
        except ProcsyncError as error:
            print("as it should:", error)
    try:
        mutex.release()
    except ProcsyncError as error:
        assert error.code == 5, error.code
    mutex.close()
    assert mutex_lock(None, 0, None) == INVALID_HANDLE

    semaphore, permit, available = c_void_p(), Permit(), c_uint32()
    check(semaphore_open(f"{own}-semaphore".encode(), 3, None, byref(semaphore)))
    check(semaphore_acquire(semaphore, 2, FOREVER, byref(permit), None))
    check(semaphore_available(semaphore, byref(available)))
    assert (permit.count, available.value) == (2, 1)
    check(semaphore_release(semaphore, byref(permit)))
    check(semaphore_close(semaphore))

    assert interrupted_by_signal(f"{own}-event") == INTERRUPTED
    print("ok")


def main(arguments):
    if not arguments:
        return show()
    what, name = arguments
    mutex = Mutex(name)
    if what == "hold":
        with mutex:
            print("held", flush=True)
            sys.stdin.read()
    elif mutex.acquire(0):
        print("got it" if mutex.abandoned_by is None else f"got it from {mutex.abandoned_by}, which died")
        mutex.release()
    else:
        print("not to be had")
    mutex.close()


if __name__ == "__main__":
    main(sys.argv[1:])
