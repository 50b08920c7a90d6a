"""An event by name."""

from __future__ import annotations

from ..._procsync import Event


class NamedEvent:
    """Tells all processes that know the name that something has happened."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._event = Event(f"fastipc.event.{name}")

    def set(self) -> None:
        """Sets it; everybody who waits goes on."""
        self._event.set()

    def clear(self) -> None:
        """Unsets it."""
        self._event.clear()

    def wait(self, timeout_ns: int = -1) -> bool:
        """Waits until it is set; False if it was not in time. Negative is for ever."""
        return self._event.wait(None if timeout_ns < 0 else timeout_ns / 1e9)

    def is_set(self) -> bool:
        """Whether it is set."""
        return self._event.is_set()

    def close(self) -> None:
        """Closes this handle."""
        self._event.close()
