"""`Event`: the habits of `threading.Event`."""

from __future__ import annotations

import re
import time

import procsync
import pytest
from conftest import eventually


def test_it_is_set_and_cleared(name):
    event = procsync.Event(name)
    assert event.is_set() is False
    assert event.wait(0) is False
    assert event.wait(timeout=0.02) is False
    event.set()
    event.set()
    assert event.is_set() is True
    assert event.wait() is True
    assert event.wait(0) is True
    event.clear()
    event.clear()
    assert event.is_set() is False
    assert procsync.Event(name).is_set() is False


def test_who_waits_goes_on_even_if_it_is_cleared_before(name, threads):
    event = procsync.Event(name)
    for _ in range(20):
        answers = []
        waiters = [threads(lambda: answers.append(event.wait(60))) for _ in range(3)]
        eventually(lambda: len(event.waiters) == 3)
        event.set()
        event.clear()
        for waiter in waiters:
            waiter.join(60)
        assert answers == [True] * 3


def test_one_that_resets_itself_lets_one_go_on(name, threads):
    event = procsync.Event(name, auto_reset=True)
    assert event.auto_reset
    event.set()
    event.set()
    assert event.wait(0) is True
    assert event.is_set() is False
    assert event.wait(0.01) is False
    came = []
    waiters = [threads(lambda: came.append(event.wait())) for _ in range(2)]
    eventually(lambda: len(event.waiters) == 2)
    event.set()
    eventually(lambda: len(came) == 1)
    assert len(eventually(lambda: event.waiters)) == 1
    event.set()
    for waiter in waiters:
        waiter.join(60)
    assert came == [True, True]


def test_what_an_event_refuses(name):
    event = procsync.Event(name)
    with pytest.raises(ValueError):
        procsync.Event(name, auto_reset=True)
    assert procsync.Event(name, how="attach").auto_reset is False
    with pytest.raises(ValueError):
        event.wait(-5)
    with pytest.raises(OverflowError):
        event.wait(1e100)
    with pytest.raises(TypeError):
        event.wait(1, 2)
    event.close()
    for use in (event.set, event.clear, event.is_set, event.wait):
        with pytest.raises(ValueError):
            use()


def test_it_begins_as_it_is_told(name):
    assert procsync.Event(name, initially_set=True).is_set()


def test_a_timeout_is_kept(name):
    began = time.monotonic()
    assert procsync.Event(name).wait(0.1) is False
    assert time.monotonic() - began >= 0.1


def test_it_shows_itself(name):
    event = procsync.Event(name)
    assert re.fullmatch(rf"<procsync\.Event at 0x[0-9a-f]+ '{name}': unset>", repr(event))
    event.set()
    assert repr(event).endswith(": set>")
