"""The package filelock: a lock on a file, opened anew for each acquisition; one that waits looks again every 50 ms."""

from __future__ import annotations

from typing import Any

import filelock

from .interface import LockOnFile, Place

PACKAGES = ["filelock"]


class FileLock(LockOnFile):
    name = "filelock.FileLock"

    @classmethod
    def attach(cls, ticket: Place) -> Any:
        return filelock.FileLock(ticket.path)


LOCKS = [FileLock]
