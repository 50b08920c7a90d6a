"""The standard library's locks for processes: unnamed to the user, handed on to the processes that one starts."""

from __future__ import annotations

import multiprocessing
from typing import Any

from .interface import Contender, Place, Tokens

_SPAWN = multiprocessing.get_context("spawn")


class Lock(Contender):
    name = "multiprocessing.Lock"
    by_name = False

    @classmethod
    def create(cls, place: Place) -> Any:
        return _SPAWN.Lock()

    @classmethod
    def ticket(cls, place: Place, created: Any) -> Any:
        return created

    @classmethod
    def attach(cls, ticket: Any) -> Any:
        return ticket

    @classmethod
    def close(cls, opened: Any) -> None:
        pass


class RLock(Lock):
    name = "multiprocessing.RLock"

    @classmethod
    def create(cls, place: Place) -> Any:
        return _SPAWN.RLock()


class Semaphore(Lock, Tokens):
    name = "multiprocessing.Semaphore"

    @classmethod
    def create(cls, place: Place) -> Any:
        return _SPAWN.Semaphore(0)


LOCKS = [Lock, RLock]
TOKENS = [Semaphore]
