"""The package fastipc: its named objects, and its mutex in the caller's memory."""

from __future__ import annotations

import pathlib
from typing import Any

import fastipc
from fastipc._primitives import Mutex

from .interface import Contender, Place, Tokens, map_file, remove_file

PACKAGES = ["fastipc"]


class NamedMutex(Contender):
    name = "fastipc.NamedMutex"
    kind: Any = fastipc.NamedMutex

    @classmethod
    def create(cls, place: Place) -> Any:
        return cls.kind(place.name)

    attach = create

    @classmethod
    def close(cls, opened: Any) -> None:
        """It has no such thing: the object closes when it is garbage."""

    @classmethod
    def remove(cls, place: Place) -> None:
        # Nor this. Its files bear the name, with something before and behind it.
        for path in pathlib.Path("/dev/shm").glob(f"*{place.name}*"):
            if path != place.directory:
                remove_file(path)


class RawMutex(Contender):
    name = "fastipc.Mutex"

    @classmethod
    def create(cls, place: Place) -> Any:
        return Mutex(map_file(place))

    attach = create

    @classmethod
    def close(cls, opened: Any) -> None:
        pass

    @classmethod
    def remove(cls, place: Place) -> None:
        remove_file(place.path)


class NamedSemaphore(NamedMutex, Tokens):
    name = "fastipc.NamedSemaphore"

    @classmethod
    def create(cls, place: Place) -> Any:
        return fastipc.NamedSemaphore(place.name, initial=0)

    attach = create


LOCKS = [NamedMutex, RawMutex]
TOKENS = [NamedSemaphore]
