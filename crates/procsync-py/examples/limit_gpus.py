"""At most one worker on each of two GPUs, however many programs want one.

    python limit_gpus.py

A worker that is killed gives its GPU back.
"""

from __future__ import annotations

import multiprocessing
import time

import procsync

GPUS = 2


def train(job: int) -> None:
    gpus = procsync.Semaphore("example-gpus", GPUS)
    with gpus.hold(timeout=60) as held:
        gpu = held.indexes[-1]
        print(f"job {job} has GPU {gpu}", flush=True)
        time.sleep(0.1)  # CUDA_VISIBLE_DEVICES=gpu …


def main() -> None:
    context = multiprocessing.get_context("spawn")
    gpus = procsync.Semaphore("example-gpus", GPUS)
    jobs = [context.Process(target=train, args=(job,)) for job in range(5)]
    for job in jobs:
        job.start()
    while any(job.is_alive() for job in jobs):
        assert len(gpus.holders) <= GPUS
        time.sleep(0.01)
    assert all(job.exitcode == 0 for job in jobs)
    assert gpus.available == GPUS
    print("all done")


if __name__ == "__main__":
    main()
