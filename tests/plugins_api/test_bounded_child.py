"""A program with limits: what it may take, what it hears and sees, how it ends."""

import json
import sys

from gotapi_core.plugin import bounded
from gotapi_core.plugin.bounded import ChildLimits, run

QUICK = ChildLimits(seconds=30.0)


async def test_a_child_says_how_it_ended(tmp_path):
    lines = []
    code = "import sys; print(sys.stdin.read()); print('x', file=sys.stderr); sys.exit(3)"
    ended = await run([sys.executable, "-c", code], tmp_path, QUICK, lines.append, b"given")
    assert lines == [b"given"]
    assert ended.code == 3
    assert not ended.timed_out
    assert set(ended.said) == {"given", "x"}


async def test_a_child_that_reads_nothing_and_ends_without_a_line_end(tmp_path):
    lines = []
    ended = await run(
        [sys.executable, "-c", "import sys; sys.stdout.write('end')"],
        tmp_path, QUICK, lines.append, b"x" * 1_000_000,
    )  # fmt: skip
    assert ended.code == 0
    assert lines == [b"end"]


async def test_endless_lines_are_cut(tmp_path, monkeypatch):
    monkeypatch.setattr(bounded, "LONGEST_LINE", 100)
    lines = []
    await run([sys.executable, "-c", "print('x' * 500_000)"], tmp_path, QUICK, lines.append)
    assert len(lines) == 1
    assert len(lines[0]) < 200_000


async def test_a_child_knows_nothing_of_its_surroundings(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "x")
    lines = []
    code = (
        "import os, json, resource as r; core = r.getrlimit(r.RLIMIT_CORE)[1];"
        "print(json.dumps([dict(os.environ), os.getpriority(0, 0), core]))"
    )
    await run([sys.executable, "-c", code], tmp_path, QUICK, lines.append)
    environment, nice, core = json.loads(lines[0])
    assert "SECRET_TOKEN" not in environment
    assert environment["HOME"] == str(tmp_path)
    assert nice >= 10
    assert core == 0


async def test_a_program_out_of_room_leaves_no_broken_byte_code(tmp_path):
    # Python takes a cut file of byte code for whole; the next program to import it would fail.
    source = tmp_path / "long.py"
    source.write_text("".join(f"name{n} = 'x{n}'\n" for n in range(2000)))
    command = [sys.executable, "-c", "import sys; sys.path.insert(0, '.'); import long"]
    ended = await run(command, tmp_path, ChildLimits(seconds=30.0, file=5000))
    assert ended.code == 0, ended.said
    assert list(tmp_path.rglob("*.pyc")) == []
