"""The package fasteners: a lock on a file, opened anew for each acquisition; one that waits looks again every 10 to 100 ms."""

from __future__ import annotations

from typing import Any

import fasteners

from .interface import Contender, Place, remove_file

PACKAGES = ["fasteners"]


class FileLock(Contender):
    name = "fasteners.InterProcessLock"
    recovers = True
    opens_when_acquired = True

    @classmethod
    def attach(cls, ticket: Place) -> Any:
        return fasteners.InterProcessLock(ticket.path)

    create = attach

    @classmethod
    def close(cls, opened: Any) -> None:
        pass

    @classmethod
    def remove(cls, place: Place) -> None:
        remove_file(place.path)


LOCKS = [FileLock]
