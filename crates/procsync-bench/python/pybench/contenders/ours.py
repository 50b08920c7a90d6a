"""procsync: its named objects, those in the caller's memory, and its replacement for fastipc."""

from __future__ import annotations

from typing import Any

import procsync
import procsync.fastipc
import procsync.raw

from .interface import Contender, Place, Tokens, map_file, remove_file

PACKAGES = ["procsync"]


class Lock(Contender):
    name = "procsync.Lock"
    recovers = True
    kind: Any = procsync.Lock

    @classmethod
    def create(cls, place: Place) -> Any:
        return cls.kind(place.name, how="create")

    @classmethod
    def attach(cls, ticket: Place) -> Any:
        return cls.kind(ticket.name, how="attach")

    @classmethod
    def remove(cls, place: Place) -> None:
        procsync.remove(place.name)


class RLock(Lock):
    name = "procsync.RLock"
    kind = procsync.RLock


class Semaphore(Lock):
    name = "procsync.Semaphore"

    @classmethod
    def create(cls, place: Place) -> Any:
        return procsync.Semaphore(place.name, 1, how="create")

    @classmethod
    def attach(cls, ticket: Place) -> Any:
        return procsync.Semaphore(ticket.name, None, how="attach")


class RawMutex(Contender):
    name = "procsync.raw.Mutex"

    @classmethod
    def create(cls, place: Place) -> Any:
        return procsync.raw.Mutex(map_file(place))

    attach = create

    @classmethod
    def remove(cls, place: Place) -> None:
        remove_file(place.path)


class NamedMutex(Contender):
    name = "procsync.fastipc.NamedMutex"
    recovers = True

    @classmethod
    def create(cls, place: Place) -> Any:
        return procsync.fastipc.NamedMutex(place.name)

    attach = create

    @classmethod
    def remove(cls, place: Place) -> None:
        procsync.remove(f"fastipc.mutex.{place.name}")


class TokenSemaphore(Tokens):
    name = "procsync.TokenSemaphore"

    @classmethod
    def create(cls, place: Place) -> Any:
        return procsync.TokenSemaphore(place.name, 0, how="create")

    @classmethod
    def attach(cls, ticket: Place) -> Any:
        return procsync.TokenSemaphore(ticket.name, how="attach")

    @classmethod
    def remove(cls, place: Place) -> None:
        procsync.remove(place.name)


class Event(TokenSemaphore):
    name = "procsync.Event"
    put, take = "set", "wait"

    @classmethod
    def create(cls, place: Place) -> Any:
        return procsync.Event(place.name, auto_reset=True, how="create")

    @classmethod
    def attach(cls, ticket: Place) -> Any:
        return procsync.Event(ticket.name, how="attach")


class RawSemaphore(Tokens):
    name = "procsync.raw.Semaphore"
    put, take = "post1", "wait"

    @classmethod
    def create(cls, place: Place) -> Any:
        return procsync.raw.Semaphore(map_file(place), 0)

    attach = create

    @classmethod
    def remove(cls, place: Place) -> None:
        remove_file(place.path)


class NamedSemaphore(Tokens):
    name = "procsync.fastipc.NamedSemaphore"

    @classmethod
    def create(cls, place: Place) -> Any:
        return procsync.fastipc.NamedSemaphore(place.name, 0)

    attach = create

    @classmethod
    def remove(cls, place: Place) -> None:
        procsync.remove(f"fastipc.sema.{place.name}")


LOCKS = [Lock, RLock, Semaphore, RawMutex, NamedMutex]
TOKENS = [TokenSemaphore, Event, RawSemaphore, NamedSemaphore]
