"""The package filelock: a lock on a file, opened anew for each acquisition; one that waits looks again every 50 ms."""

from __future__ import annotations

from typing import Any

import filelock

from .interface import Contender, Place, remove_file

PACKAGES = ["filelock"]


class FileLock(Contender):
    name = "filelock.FileLock"
    recovers = True
    opens_when_acquired = True

    @classmethod
    def attach(cls, ticket: Place) -> Any:
        return filelock.FileLock(ticket.path)

    create = attach

    @classmethod
    def close(cls, opened: Any) -> None:
        pass

    @classmethod
    def remove(cls, place: Place) -> None:
        remove_file(place.path)


LOCKS = [FileLock]
