"""What was measured, in the form in which the program that writes the report reads it."""

from __future__ import annotations

import math
from typing import Any, Sequence

NONE = math.nan
"""A figure that there is not."""

SHARES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9995, 0.9999, 0.99999, 1.0)
"""Those at which a distribution is drawn."""


def column(
    name: str, better: str = "lower", over_runs: str = "median", compared: bool = True
) -> dict[str, Any]:
    """One kind of figure; `compared`: whether the ratio to the reference is shown beside it."""
    return {"name": name, "better": better, "over_runs": over_runs, "compared": compared}


def table(
    workload: str, setting: str, columns: list[dict[str, Any]], rows: list[dict[str, Any]]
) -> dict[str, Any]:
    """One workload in one setting, done by every contender."""
    return {"workload": f"python {workload}", "setting": setting, "columns": columns, "rows": rows}


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest of the values, which are in order, that a share of all does not exceed."""
    if not ordered:
        return NONE
    return ordered[max(math.ceil(share * len(ordered)), 1) - 1]


def distribution(durations_ns: list[int]) -> list[list[float]]:
    """Pairs of a share and the value that it does not exceed, as far as there are enough values to tell."""
    ordered = sorted(durations_ns)
    told = [share for share in SHARES if share >= 1.0 or (1.0 - share) * len(ordered) >= 1.0]
    return [[share, quantile(ordered, share)] for share in told if ordered]


def without_nan(value: Any) -> Any:
    """JSON knows no number that is none: null stands for it."""
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, dict):
        return {key: without_nan(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(inner) for inner in value]
    return value
