"""What is measured. To add one: a file beside this one with a class for each thing that it offers, and a line below."""

from __future__ import annotations

import importlib
from typing import Type

from .interface import Contender, Place, Tokens

_FILES = (
    "nothing",
    "ours",
    "of_threading",
    "of_multiprocessing",
    "of_posix_ipc",
    "of_fastipc",
    "of_filelock",
    "of_portalocker",
    "of_fasteners",
)

LOCKS: list[Type[Contender]] = []
"""Every lock, in the order of the tables."""

TOKENS: list[Type[Tokens]] = []
"""Everything to signal with, in the order of the tables."""

LEFT_OUT: list[str] = []
"""Who takes no part, and why."""

PACKAGES: list[str] = []
"""Whose versions matter."""

for _file in _FILES:
    try:
        _module = importlib.import_module(f".{_file}", __name__)
    except ImportError as _error:
        LEFT_OUT.append(f"{_file.removeprefix('of_')}: {_error}")
        continue
    LOCKS += _module.LOCKS
    TOKENS += getattr(_module, "TOKENS", [])
    PACKAGES += getattr(_module, "PACKAGES", [])


__all__ = ["LEFT_OUT", "LOCKS", "PACKAGES", "TOKENS", "Contender", "Place", "Tokens"]
