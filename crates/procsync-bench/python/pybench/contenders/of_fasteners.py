"""The package fasteners: a lock on a file, opened anew for each acquisition; one that waits looks again every 10 to 100 ms."""

from __future__ import annotations

from typing import Any

import fasteners

from .interface import LockOnFile, Place

PACKAGES = ["fasteners"]


class FileLock(LockOnFile):
    name = "fasteners.InterProcessLock"

    @classmethod
    def attach(cls, ticket: Place) -> Any:
        return fasteners.InterProcessLock(ticket.path)


LOCKS = [FileLock]
