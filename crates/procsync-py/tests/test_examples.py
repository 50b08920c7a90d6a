"""The examples run, and so do those of the README and of the documentation strings."""

from __future__ import annotations

import doctest
import importlib
import pathlib
import re
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent.parent


@pytest.mark.parametrize("example", sorted(path.name for path in (HERE / "examples").glob("*.py")))
def test_an_example_runs(example, tmp_path):
    arguments = [str(tmp_path / "counted.txt")] if example == "guard_a_file.py" else []
    done = subprocess.run(
        [sys.executable, HERE / "examples" / example, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout


@pytest.mark.parametrize("module", ["procsync", "procsync.inspect", "procsync.raw", "procsync.fastipc"])
def test_examples_in_the_documentation(module):
    results = doctest.testmod(importlib.import_module(module))
    assert results.attempted and not results.failed


def test_examples_in_the_readme(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    examples = re.findall(r"```python\n(.*?)```", (HERE / "README.md").read_text(), re.DOTALL)
    assert len(examples) >= 3
    for example in examples:
        exec(compile(example, "README.md", "exec"), {"__name__": "readme"})
