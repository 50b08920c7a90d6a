"""The standard library's locks for threads: what a lock costs that only one process can share."""

from __future__ import annotations

import threading
from typing import Any

from .interface import Contender, Place


class Lock(Contender):
    name = "threading.Lock"
    one_process = True
    by_name = False

    @classmethod
    def create(cls, place: Place) -> Any:
        return threading.Lock()

    @classmethod
    def close(cls, opened: Any) -> None:
        pass


class RLock(Lock):
    name = "threading.RLock"

    @classmethod
    def create(cls, place: Place) -> Any:
        return threading.RLock()


LOCKS = [Lock, RLock]
