"""Exceptions: built-in ones too, with the facts, and picklable."""

from __future__ import annotations

import pickle

import procsync
import pytest

BASES = {
    "InvalidNameError": ValueError,
    "InvalidArgumentError": ValueError,
    "AlreadyExistsError": FileExistsError,
    "NotFoundError": FileNotFoundError,
    "WrongKindError": TypeError,
    "MismatchError": ValueError,
    "DamagedError": OSError,
    "LayoutVersionError": RuntimeError,
    "TimedOutError": TimeoutError,
    "AlreadyOwnedError": RuntimeError,
    "NotOwnerError": RuntimeError,
    "NotAcquiredError": ValueError,
    "AbandonedError": RuntimeError,
    "NoSlotsError": OSError,
    "CountOverflowError": OverflowError,
    "BusyError": TimeoutError,
    "UnsafeDirectoryError": PermissionError,
    "ClosedError": ValueError,
    "SystemCallError": OSError,
    "PermissionDeniedError": PermissionError,
    "NativeCallError": OSError,
    "OutOfOrderError": RuntimeError,
    "NameTakenError": ValueError,
    "NoLedgerError": OSError,
    "WrongThreadError": RuntimeError,
}


@pytest.mark.parametrize("name, base", BASES.items())
def test_each_is_a_built_in_one_too_and_pickles(name, base):
    error_class = getattr(procsync, name)
    assert issubclass(error_class, procsync.Error) and issubclass(error_class, base)
    holder = procsync.Participant(1, 2, "command", 3.5, True, True)
    died = procsync.Deceased(4, 5, "closed", 6.5)
    error = error_class(
        "what happened", name="gpu0", kind="mutex", holder=holder, died=died, waited=1.5, path="/x"
    )
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(error, protocol))
        assert type(again) is error_class
        assert str(again) == "what happened"
        for fact in ("name", "kind", "holder", "died", "waited", "path"):
            assert getattr(again, fact) == getattr(error, fact), fact


def test_all_are_exported():
    exported = {name for name in procsync.__all__ if name.endswith("Error")}
    assert exported == {"Error"} | set(BASES)


def test_real_ones_carry_the_facts(name):
    lock = procsync.Lock(name)
    with lock, pytest.raises(procsync.TimedOutError) as caught, lock.hold(timeout=0.01):
        pass
    error = pickle.loads(pickle.dumps(caught.value))
    assert (error.name, error.kind) == (name, "mutex")
    assert error.holder == caught.value.holder and error.holder.tid != 0
    assert str(error) == str(caught.value)


def test_the_system_says_why(name, directory, tmp_path):
    [own] = [path for path in directory.iterdir() if path.name.startswith("procsync-")]
    (own / name).mkdir()
    with pytest.raises(OSError) as caught:
        procsync.Lock(name)
    assert isinstance(caught.value, procsync.Error)
    assert caught.value.path.endswith(name)
    (own / name).rmdir()
    (own / name).write_bytes(b"x" * 10_000)
    with pytest.raises(procsync.DamagedError) as caught:
        procsync.Lock(name)
    assert caught.value.path.endswith(name)


def test_participants_are_values():
    one = procsync.Participant(1, 2, "a", 3.0)
    assert one == procsync.Participant(1, 2, "a", 3.0) and one != procsync.Participant(1, 2)
    assert hash(one) == hash(pickle.loads(pickle.dumps(one)))
    assert "pid=1" in repr(one) and "'a'" in repr(one).replace('"', "'")
    with pytest.raises(AttributeError):
        one.pid = 3
    died = procsync.Deceased(1)
    assert died == pickle.loads(pickle.dumps(died)) and died.cause == "died"
