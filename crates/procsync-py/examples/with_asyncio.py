"""Tasks of several programs take turns, and the event loop never blocks.

    python with_asyncio.py
"""

from __future__ import annotations

import asyncio

import procsync


async def fetch(page: int, slots: procsync.Semaphore, lock: procsync.Lock, got: list[int]) -> None:
    async with slots:  # At most two at a time, over all programs that use the name.
        await asyncio.sleep(0.01)
        async with lock:
            got.append(page)


async def main() -> None:
    slots = procsync.Semaphore("example-slots", 2)
    lock, ready = procsync.Lock("example-log"), procsync.Event("example-ready")
    got: list[int] = []
    pages = [asyncio.create_task(fetch(page, slots, lock, got)) for page in range(8)]
    waiter = asyncio.create_task(ready.wait_async(timeout=30))
    impatient = asyncio.create_task(procsync.Event("example-never").wait_async())
    await asyncio.gather(*pages)
    ready.set()
    assert await waiter
    impatient.cancel()  # A wait that is cancelled leaves nothing held.
    assert sorted(got) == list(range(8))
    assert slots.available == 2 and not lock.locked()
    print("all pages fetched")


if __name__ == "__main__":
    asyncio.run(main())
