"""No lock at all: the proof that a lock is found out that does not exclude."""

from __future__ import annotations

from typing import Any

from .interface import Contender, Place


class Free:
    """Everybody may enter."""

    def acquire(self) -> None:
        pass

    def release(self) -> None:
        pass


class Nothing(Contender):
    name = "none"
    by_default = False

    @classmethod
    def attach(cls, ticket: Place) -> Any:
        return Free()

    create = attach

    @classmethod
    def close(cls, opened: Any) -> None:
        pass


LOCKS = [Nothing]
