"""Why a measurement gives no figures."""

from __future__ import annotations


class Failed(Exception):
    """The contender failed: it gets a row that says so, and the others go on."""


class NotRun(Exception):
    """It cannot do what is asked: a row that says why."""
