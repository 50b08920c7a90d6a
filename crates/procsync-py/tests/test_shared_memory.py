"""`SharedMemory`: bytes by name."""

from __future__ import annotations

import multiprocessing.shared_memory
import os
import pathlib
import sys
import uuid

import procsync
import pytest
from conftest import skip


@pytest.fixture
def name():
    # Shared memory lies under its plain name, whatever PROCSYNC_DIR says.
    name = f"procsync_test_{uuid.uuid4().hex}"
    yield name
    pathlib.Path("/dev/shm", name).unlink(missing_ok=True)


def test_what_one_writes_the_other_reads(name):
    with procsync.SharedMemory(name, 100) as memory:
        assert (memory.size, len(memory), memory.created) == (100, 100, True)
        assert bytes(memory.buf) == bytes(100)
        memory.buf[3:8] = b"hello"
        with procsync.SharedMemory(name, 50) as other:
            assert (other.size, other.created, other.processes) == (100, False, 1)
            assert bytes(other.buf[3:8]) == b"hello"
    assert memory.closed


def test_it_goes_with_its_last_user(name):
    memory, other = procsync.SharedMemory(name, 10), procsync.SharedMemory(name, 10)
    memory.close()
    assert pathlib.Path("/dev/shm", name).exists()
    other.close()
    assert not pathlib.Path("/dev/shm", name).exists()
    with pytest.raises(FileNotFoundError):
        procsync.SharedMemory(name, how="attach")


def test_a_view_keeps_the_memory(name):
    memory = procsync.SharedMemory(name, 100)
    part = memory.buf[10:20]
    with pytest.raises(BufferError):
        memory.close()
    part[0] = 1
    assert not memory.closed and memory.buf[10] == 1
    part.release()
    memory.close()
    memory.close()
    with pytest.raises(ValueError):
        memory.buf


def test_a_view_outlives_its_object(name):
    memory = procsync.SharedMemory(name, 100)
    view = memory.buf
    del memory
    view[99] = 7
    assert view[99] == 7


def test_what_a_shared_memory_refuses(name):
    for wrong in (0, -1):
        with pytest.raises(ValueError):
            procsync.SharedMemory(name, wrong)
    with pytest.raises(ValueError):
        procsync.SharedMemory("sem.nothing", 10)
    memory = procsync.SharedMemory(name, 10)
    with pytest.raises(ValueError):
        procsync.SharedMemory(name, 11)
    with pytest.raises(FileExistsError):
        procsync.SharedMemory(name, 10, how="create")
    assert procsync.SharedMemory(name, how="attach").size == 10
    memory.close()


def test_other_programs_find_it(name):
    memory = procsync.SharedMemory(name, 10)
    more = {"track": False} if sys.version_info >= (3, 13) else {}
    other = multiprocessing.shared_memory.SharedMemory(name, **more)
    if not more:
        from multiprocessing import resource_tracker

        resource_tracker.unregister(other._name, "shared_memory")
    other.buf[0] = 42
    assert memory.buf[0] == 42
    other.close()
    assert memory.processes == 1
    memory.close()


def test_numpy_sees_it(name):
    try:
        import numpy
    except ImportError:
        skip("test_numpy_sees_it", "numpy is not installed")
    with procsync.SharedMemory(name, 80) as memory:
        array = numpy.frombuffer(memory.buf, dtype=numpy.float64)
        array[:] = 1.5
        assert array.sum() == 15
        del array


def test_a_forked_child_shares_it(name):
    with procsync.SharedMemory(name, 10) as memory:
        pid = os.fork()
        if pid == 0:
            memory.buf[0] = 9
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        assert memory.buf[0] == 9
        assert pathlib.Path("/dev/shm", name).exists()
