"""The temperatures that the page of the printers keeps, in Node: what is in samples.test.mjs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

TESTS = Path(__file__).parent / "samples.test.mjs"
ESBUILD = Path(__file__).parents[2] / "web" / "node_modules" / "esbuild"


def test_the_samples_do_what_their_examples_say(node: str) -> None:
    if not ESBUILD.exists():
        pytest.skip("esbuild is not installed: run `make web`")
    command = [node, "--test", "--test-reporter=spec", str(TESTS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "pass 6" in done.stdout
    assert "fail 0" in done.stdout
