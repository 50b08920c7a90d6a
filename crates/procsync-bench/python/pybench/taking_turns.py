"""How contenders take turns."""

from __future__ import annotations

import statistics
import sys
from dataclasses import dataclass
from typing import Any, Callable, Optional, Sequence

from .crew import Scratch
from .figures import distribution
from .machine import Noise
from .trouble import Failed, NotRun

Measured = tuple[list[float], Optional[list[int]]]
"""A figure for every column, and every single duration in nanoseconds where that is what is measured."""


@dataclass
class Bench:
    """One run of the program."""

    scratch: Scratch
    noise: Noise
    seconds: float
    """How long one measurement of one contender takes, roughly."""
    runs: int
    kills: int
    processes: list[int]
    chosen: list[str]

    def entrants(self, everybody: Sequence[Any]) -> list[Any]:
        """Those chosen; if nobody is, all who take part by default."""
        return [one for one in everybody if (one.name in self.chosen if self.chosen else one.by_default)]

    def rounds(
        self, title: str, entrants: Sequence[Any], measure: Callable[[Any], Measured], slices: int = 1
    ) -> list[dict[str, Any]]:
        """Lets every entrant measure once in every round, so that whatever the machine does meanwhile hits all alike.

        Who has failed is not asked again. With `slices`, a run's figures are the medians of so many measurements.
        """
        print(title, file=sys.stderr)
        rows: list[dict[str, Any]] = [{"contender": entrant.name, "runs": []} for entrant in entrants]
        durations: list[list[int]] = [[] for _ in entrants]
        for _ in range(self.runs * slices):
            for entrant, row, all_durations in zip(entrants, rows, durations):
                if "runs" not in row:
                    continue
                self.noise.sample()
                try:
                    figures, of_run = measure(entrant)
                except NotRun as why:
                    row["not_run"] = str(why)
                    del row["runs"]
                except Failed as why:
                    row["failed"] = str(why)
                    del row["runs"]
                except Exception as error:  # Whatever a peer may raise is a finding.
                    row["failed"] = f"{type(error).__name__}: {error}"
                    del row["runs"]
                else:
                    row["runs"].append(figures)
                    all_durations += of_run or []
        for row, all_durations in zip(rows, durations):
            if "runs" not in row:
                continue
            parts = range(0, len(row["runs"]), slices)
            row["runs"] = [medians(row["runs"][part : part + slices]) for part in parts]
            if all_durations:
                row["distribution"] = distribution(all_durations)
        return rows


def medians(runs: list[list[float]]) -> list[float]:
    """Column by column."""
    return [statistics.median(figures) for figures in zip(*runs)]


def for_processes(entrant: Any) -> None:
    """Refuses those that only threads can share."""
    if entrant.one_process:
        raise NotRun("one process")
