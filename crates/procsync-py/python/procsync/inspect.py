"""Objects as a stranger sees them: what there is, who holds it, who waits.

Takes no lock and disturbs nobody.

>>> import procsync, procsync.inspect
>>> lock = procsync.Lock("inspect-example")
>>> with lock:
...     procsync.inspect.show("inspect-example").state
'held'
"""

from __future__ import annotations

from ._procsync import Participant, Snapshot, list_objects, show, show_native

__all__ = ["Participant", "Snapshot", "list_objects", "show", "show_native"]
