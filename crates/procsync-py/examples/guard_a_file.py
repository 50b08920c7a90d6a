"""Several processes append to one file, a line and its number at a time.

    python guard_a_file.py counted.txt

Start it as often as you like, at the same time: no line is lost and no number comes twice.
"""

from __future__ import annotations

import multiprocessing
import pathlib
import sys

import procsync


def append(path: pathlib.Path, lines: int) -> None:
    lock = procsync.Lock(f"example-{path.name}")
    for _ in range(lines):
        with lock.hold(timeout=30):
            if lock.abandoned:
                print(f"{lock.abandoned} died while it wrote; its line may be cut", file=sys.stderr)
            number = len(path.read_text().splitlines()) if path.exists() else 0
            with path.open("a") as file:
                file.write(f"{number}\n")


def main(path: pathlib.Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=append, args=(path, 50)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    numbers = path.read_text().split()
    assert numbers == [str(number) for number in range(len(numbers))], "a line was lost"
    print(f"{len(numbers)} lines, in order")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
