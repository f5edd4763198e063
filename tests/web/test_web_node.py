"""Modules of the console by themselves, in Node: what is in the files *.test.mjs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
ESBUILD = TESTS.parents[1] / "web" / "node_modules" / "esbuild"


@pytest.mark.parametrize(("name", "count"), [("gcode", 23), ("samples", 6)])
def test_it_does_what_its_examples_say(node: str, name: str, count: int) -> None:
    if not ESBUILD.exists():
        pytest.skip("esbuild is not installed: run `make web`")
    command = [node, "--test", "--test-reporter=spec", str(TESTS / f"{name}.test.mjs")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"pass {count}" in done.stdout
    assert "fail 0" in done.stdout
