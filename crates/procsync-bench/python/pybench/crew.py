"""The worker processes of one measurement, each a Python of its own, and the memory by which they are told what to do."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import mmap
import multiprocessing
import multiprocessing.process
import os
import pathlib
import pickle
import signal
import sys
import tempfile
import time
import uuid
from typing import Any, Callable, Iterator

from .contenders import Place
from .trouble import Failed

SPAWN = multiprocessing.get_context("spawn")

PATIENCE = 20.0
"""Seconds that anything may take that should take no time: longer means stuck."""

STARTING = 60.0
"""A Python on a busy machine takes a while until it is ready."""

# Words of eight bytes. Each line has its own cache line, and the neighbour that the processor fetches along with it.
LINE = 16
STARTED, STOPPED, PROTECTED, WORKERS = 0, LINE, 2 * LINE, 3 * LINE
READY, OPERATIONS, STEP, AT = range(4)
MOST_WORKERS = 64

_PR_SET_PDEATHSIG = 1


class Scratch:
    """A directory of this run's own, in memory where the machine offers that."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory

    def place(self) -> Place:
        """A place that nobody has used yet."""
        return Place(self.directory, f"procsync-bench-{os.getpid()}-{uuid.uuid4().hex[:8]}")


@contextlib.contextmanager
def scratch() -> Iterator[Scratch]:
    """Made, and removed with all it holds."""
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(prefix=f"procsync-bench-{os.getpid()}-", dir=memory) as path:
        yield Scratch(pathlib.Path(path))


class Created:
    """An object that is removed, name and all, at the end of its context."""

    def __init__(self, kind: Any, place: Place) -> None:
        self._kind, self._place = kind, place
        self._opened: list[Any] = []

    def __enter__(self) -> Any:
        self._opened.append(self._kind.create(self._place))
        return self._opened[0]

    def close(self) -> None:
        """Lets go of it. The name is still removed at the end; until then only others have it open."""
        while self._opened:
            self._kind.close(self._opened.pop())

    def __exit__(self, *_exception: object) -> None:
        self.close()
        self._kind.remove(self._place)


class Control:
    """The memory: zeros at first. A word is written by one process only, but for the protected one."""

    def __init__(self, path: pathlib.Path) -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        size = 8 * (WORKERS + LINE * MOST_WORKERS)
        os.ftruncate(descriptor, size)
        self.words = memoryview(mmap.mmap(descriptor, size)).cast("Q")
        os.close(descriptor)

    @staticmethod
    def line(index: int) -> int:
        """Where a worker's words begin."""
        return WORKERS + LINE * index

    def of(self, index: int, word: int) -> int:
        """What a worker tells."""
        return self.words[self.line(index) + word]


class Worker:
    """A worker, as its task sees it."""

    def __init__(self, control: Control, index: int) -> None:
        self.control, self.words, self.line = control, control.words, control.line(index)

    def tell(self, word: int, value: int) -> None:
        self.words[self.line + word] = value

    def ready(self) -> None:
        """Says that it is attached."""
        self.tell(READY, 1)

    def await_start(self, count: int = 1) -> bool:
        """Sleeps until start number `count` was given; False if everybody is to finish."""
        while self.words[STARTED] < count and not self.words[STOPPED]:
            time.sleep(0.0005)
        return not self.words[STOPPED]


def _report_path(directory: pathlib.Path, index: int) -> pathlib.Path:
    return directory / f"report-{index}"


def _enter(
    task: str, kind: Any, tickets: list[Any], directory: pathlib.Path, index: int, given: dict[str, Any]
) -> None:
    """What a worker process does: `task` is a function of a workload, as module and name."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if multiprocessing.process.parent_process() is None or os.getppid() == 1:
        sys.exit("the parent is gone")
    # The first process alone answers Ctrl-C, and then ends all others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    worker = Worker(Control(directory / "control"), index)
    module, function = task.rsplit(".", 1)
    try:
        opened = [kind.attach(ticket) for ticket in tickets]
        answer = getattr(importlib.import_module(module), function)(worker, kind, opened, **given)
    except Exception as error:  # Whatever a peer may raise is a finding.
        answer = Failed(f"{type(error).__name__}: {error}")
    _report_path(directory, index).write_bytes(pickle.dumps(answer))


class Crew:
    """Workers and the memory that they share. Leaving its context kills and reaps whoever is left."""

    def __init__(self, kind: Any, tickets: list[Any], directory: pathlib.Path) -> None:
        self._kind, self._tickets = kind, tickets
        self._directory = directory / f"crew-{uuid.uuid4().hex[:8]}"
        self._directory.mkdir()
        self.control = Control(self._directory / "control")
        self.members: list[Any] = []

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_exception: object) -> None:
        for member in self.members:
            if member.is_alive():
                member.kill()
        for member in self.members:
            member.join()
            member.close()

    def spawn(self, task: Callable[..., Any], **given: Any) -> int:
        """Starts one more; its number."""
        index = len(self.members)
        path = f"{task.__module__}.{task.__qualname__}"
        arguments = (path, self._kind, self._tickets, self._directory, index, given)
        member = SPAWN.Process(target=_enter, args=arguments, daemon=True)
        member.start()
        self.members.append(member)
        return index

    def await_that(self, why_not: str, done: Callable[[], bool], patience: float = PATIENCE) -> None:
        """Waits until `done`. Fails if that takes too long, for the reason given, or if a worker has failed."""
        end = time.monotonic() + patience
        while not done():
            self._look_for_failures()
            if time.monotonic() >= end:
                raise Failed(f"after {patience:.0f} s {why_not}")
            time.sleep(0.0005)

    def await_ready(self) -> None:
        """Waits until all are attached."""
        everybody = range(len(self.members))
        self.await_that(
            "not all workers are ready",
            lambda: all(self.control.of(index, READY) for index in everybody),
            STARTING,
        )

    def start(self, count: int = 1) -> None:
        """Gives start number `count`."""
        self.control.words[STARTED] = count

    def finish(self) -> list[Any]:
        """Tells everybody to finish, waits until all have, and answers what they report."""
        self.control.words[STOPPED] = 1
        end = time.monotonic() + PATIENCE
        for member in self.members:
            member.join(max(end - time.monotonic(), 0))
        stuck = sum(member.is_alive() for member in self.members)
        self._look_for_failures()
        if stuck:
            raise Failed(f"{stuck} of {len(self.members)} workers never came back")
        return [answer for index in range(len(self.members)) if (answer := self._report(index)) is not None]

    def _look_for_failures(self) -> None:
        for index, member in enumerate(self.members):
            if member.exitcode not in (None, 0, -signal.SIGKILL):
                raise Failed(f"a worker failed: exit code {member.exitcode}")
            if member.exitcode == 0:
                self._report(index)

    def _report(self, index: int) -> Any:
        try:
            answer = pickle.loads(_report_path(self._directory, index).read_bytes())
        except FileNotFoundError:
            return None
        if isinstance(answer, Failed):
            raise answer
        return answer
