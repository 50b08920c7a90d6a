"""The package posix_ipc: the C library's named semaphores."""

from __future__ import annotations

import contextlib
from typing import Any

import posix_ipc

from .interface import Contender, Place, Tokens

PACKAGES = ["posix_ipc"]


class Semaphore(Contender):
    name = "posix_ipc.Semaphore"
    initial = 1

    @classmethod
    def create(cls, place: Place) -> Any:
        return posix_ipc.Semaphore(f"/{place.name}", posix_ipc.O_CREX, initial_value=cls.initial)

    @classmethod
    def attach(cls, ticket: Place) -> Any:
        return posix_ipc.Semaphore(f"/{ticket.name}")

    @classmethod
    def remove(cls, place: Place) -> None:
        with contextlib.suppress(posix_ipc.ExistentialError):
            posix_ipc.unlink_semaphore(f"/{place.name}")


class SemaphoreTokens(Semaphore, Tokens):
    initial = 0


LOCKS = [Semaphore]
TOKENS = [SemaphoreTokens]
