"""What all tests have in common."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import threading
import time
import uuid
from typing import Any, Callable, Iterator

import pytest

LIMIT = 60.0
"""Seconds that only a true failure reaches."""


@pytest.fixture(scope="session", autouse=True)
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pathlib.Path]:
    """All objects of a test run lie in a directory of their own."""
    path = tmp_path_factory.mktemp("procsync")
    path.chmod(0o700)
    before = os.environ.get("PROCSYNC_DIR")
    os.environ["PROCSYNC_DIR"] = str(path)
    yield path
    if before is None:
        del os.environ["PROCSYNC_DIR"]
    else:
        os.environ["PROCSYNC_DIR"] = before


@pytest.fixture
def name() -> str:
    return f"test-{uuid.uuid4().hex}"


def eventually(condition: Callable[[], Any], what: str = "it never came true") -> Any:
    deadline = time.monotonic() + LIMIT
    while True:
        answer = condition()
        if answer:
            return answer
        assert time.monotonic() < deadline, what
        time.sleep(0.002)


def skip(test: str, why: str) -> None:
    """Skips, and says so where `cargo xtask` reads it."""
    log = os.environ.get("PROCSYNC_SKIP_LOG")
    if log:
        with open(log, "a") as file:
            file.write(f"python {test}: {why}\n")
    pytest.skip(why)


class Child:
    """Another Python process that runs some code, and says line by line what it does."""

    def __init__(self, code: str, *arguments: str, python: str = sys.executable, **more: Any) -> None:
        self.process = subprocess.Popen(
            [python, "-u", "-c", textwrap.dedent(code), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **more,
        )
        self._timer = threading.Timer(LIMIT, self.process.kill)
        self._timer.daemon = True
        self._timer.start()

    @property
    def pid(self) -> int:
        return self.process.pid

    def line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            code = self.process.wait(LIMIT)
            assert self.process.stderr is not None
            raise AssertionError(f"it ended with {code}: {self.process.stderr.read()}")
        return line.rstrip("\n")

    def expect(self, line: str) -> None:
        assert self.line() == line

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def send_signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(LIMIT)

    def end(self) -> None:
        """Waits until it has ended, well."""
        out, err = self.process.communicate(timeout=LIMIT)
        assert self.process.returncode == 0, (self.process.returncode, out, err)
        assert err == "", err

    def clean_up(self) -> None:
        self._timer.cancel()
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


@pytest.fixture
def child() -> Iterator[Callable[..., Child]]:
    children: list[Child] = []

    def start(*arguments: Any, **more: Any) -> Child:
        children.append(Child(*arguments, **more))
        return children[-1]

    yield start
    for one in children:
        one.clean_up()


@pytest.fixture
def threads() -> Iterator[Callable[..., threading.Thread]]:
    """Starts threads, and sees to it that they have ended."""
    started: list[threading.Thread] = []

    def start(target: Callable[..., object], *arguments: Any) -> threading.Thread:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        started.append(thread)
        thread.start()
        return thread

    yield start
    for thread in started:
        thread.join(LIMIT)
        assert not thread.is_alive(), "a thread never ended"
