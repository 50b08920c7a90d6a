"""One process makes things, others take them: a ring in shared memory.

    python producer_consumer.py

Two token semaphores count the free and the filled places; a lock guards the place to take from.
"""

from __future__ import annotations

import multiprocessing
import struct

import procsync

PLACES = 16
ITEMS = 2000
TAKEN, SUM, RING = 0, 8, 64


class Ring:
    def __init__(self) -> None:
        self.memory = procsync.SharedMemory("procsync_example_ring", RING + 8 * PLACES)
        self.free = procsync.TokenSemaphore("example-ring-free", PLACES)
        self.filled = procsync.TokenSemaphore("example-ring-filled")
        self.lock = procsync.Lock("example-ring")

    def number(self, at: int) -> int:
        value: int = struct.unpack_from("<q", self.memory.buf, at)[0]
        return value

    def set(self, at: int, value: int) -> None:
        struct.pack_into("<q", self.memory.buf, at, value)


def produce(ring: Ring) -> None:
    for item in range(ITEMS):
        ring.free.acquire()
        ring.set(RING + item % PLACES * 8, item)
        ring.filled.release()


def consume() -> None:
    ring = Ring()
    while True:
        ring.filled.acquire()
        with ring.lock:
            taken = ring.number(TAKEN)
            if taken == ITEMS:
                break
            item = ring.number(RING + taken % PLACES * 8)
            ring.set(TAKEN, taken + 1)
            ring.set(SUM, ring.number(SUM) + item)
        ring.free.release()


def main() -> None:
    ring = Ring()
    context = multiprocessing.get_context("spawn")
    consumers = [context.Process(target=consume) for _ in range(2)]
    for consumer in consumers:
        consumer.start()
    produce(ring)
    ring.filled.release(len(consumers))  # No more: one each.
    for consumer in consumers:
        consumer.join()
        assert consumer.exitcode == 0
    assert ring.number(SUM) == ITEMS * (ITEMS - 1) // 2
    print(f"{ITEMS} items arrived, their sum is {ring.number(SUM)}")


if __name__ == "__main__":
    main()
