"""What every contender offers to the workloads."""

from __future__ import annotations

import contextlib
import mmap
import os
import pathlib
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class Place:
    """Where an object is: a contender uses whichever of the two its names are made of."""

    directory: pathlib.Path
    """A private directory, for objects that are files."""
    name: str
    """A name that nothing else on this machine bears: letters, digits and hyphens."""

    @property
    def path(self) -> pathlib.Path:
        """The file of that name in the directory."""
        return self.directory / self.name


class Contender:
    """Something that processes share. What `create` and `attach` answer is what a program would use, with its own
    `acquire` and `release`: nothing of ours lies between."""

    name: ClassVar[str]
    by_default: ClassVar[bool] = True
    """It takes part when nobody is named."""
    one_process: ClassVar[bool] = False
    """Only the threads of one process can share it."""
    recovers: ClassVar[bool] = False
    """Those who wait are to go on after the holder was killed. One that does not say so is tried once."""
    by_name: ClassVar[bool] = True
    """A process that knows nothing but the name can open it."""
    opens_when_acquired: ClassVar[bool] = False
    """Making the object opens nothing: each acquisition does."""

    @classmethod
    def create(cls, place: Place, /) -> Any:
        """Makes the object, which must not exist: a free lock, or no tokens."""
        raise NotImplementedError

    @classmethod
    def ticket(cls, place: Place, created: Any, /) -> Any:
        """What another process gets in order to attach."""
        return place

    @classmethod
    def attach(cls, ticket: Any, /) -> Any:
        """Opens the object in another process."""
        raise NotImplementedError

    @classmethod
    def close(cls, opened: Any) -> None:
        """Lets go of it."""
        opened.close()

    @classmethod
    def remove(cls, place: Place) -> None:
        """Removes the name, when everybody has closed it. No error if it is gone already."""


class LockOnFile(Contender):
    """A lock on a file, which each acquisition opens anew. `attach` says which package's."""

    recovers = True
    opens_when_acquired = True

    @classmethod
    def create(cls, place: Place, /) -> Any:
        return cls.attach(place)

    @classmethod
    def close(cls, opened: Any) -> None:
        pass

    @classmethod
    def remove(cls, place: Place) -> None:
        remove_file(place.path)


class Tokens(Contender):
    """Something to signal with: one process puts what another one takes. Never is there more than one."""

    put: ClassVar[str] = "release"
    """The method that puts one."""
    take: ClassVar[str] = "acquire"
    """The method that waits for one and takes it."""


def map_file(place: Place, size: int = 64) -> mmap.mmap:
    """Shared memory for those whose memory is the caller's; made if it is not there. It begins with zeros."""
    descriptor = os.open(place.path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.ftruncate(descriptor, size)
        return mmap.mmap(descriptor, size)
    finally:
        os.close(descriptor)


def remove_file(path: pathlib.Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
