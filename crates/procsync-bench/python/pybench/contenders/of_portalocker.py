"""The package portalocker: a lock on a file, opened anew for each acquisition, told to wait in the system.

By default it would look again every 250 ms, and give up after 5 s.
"""

from __future__ import annotations

from typing import Any

import portalocker

from .interface import LockOnFile, Place

PACKAGES = ["portalocker"]


class FileLock(LockOnFile):
    name = "portalocker.Lock"

    @classmethod
    def attach(cls, ticket: Place) -> Any:
        return portalocker.Lock(ticket.path, flags=portalocker.LockFlags.EXCLUSIVE)


LOCKS = [FileLock]
