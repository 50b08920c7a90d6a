"""The package portalocker: a lock on a file, opened anew for each acquisition, told to wait in the system.

By default it would look again every 250 ms, and give up after 5 s.
"""

from __future__ import annotations

from typing import Any

import portalocker

from .interface import Contender, Place, remove_file

PACKAGES = ["portalocker"]


class FileLock(Contender):
    name = "portalocker.Lock"
    recovers = True
    opens_when_acquired = True

    @classmethod
    def attach(cls, ticket: Place) -> Any:
        return portalocker.Lock(ticket.path, flags=portalocker.LockFlags.EXCLUSIVE)

    create = attach

    @classmethod
    def close(cls, opened: Any) -> None:
        pass

    @classmethod
    def remove(cls, place: Place) -> None:
        remove_file(place.path)


LOCKS = [FileLock]
