"""The worker's words on its standard output, heard in this process."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gotapi_portrayal.data import worker
from gotapi_portrayal.data.orders import Order, Said, Task

OBJ = b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"


class Pipe:
    """Standard input or output with a buffer."""

    def __init__(self, data: bytes = b"") -> None:
        self.buffer = io.BytesIO(data)


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def do(order: Order) -> tuple[int, list[Said]]:
        task = Task(str(tmp_path / "s.sqlite3"), order)
        output = Pipe()
        monkeypatch.setattr(sys, "stdin", Pipe(msgspec.json.encode(task)))
        monkeypatch.setattr(sys, "stdout", output)
        code = worker.main()
        lines = output.buffer.getvalue().splitlines()
        return code, [msgspec.json.decode(line, type=Said) for line in lines]

    return do


def test_a_layer_and_its_faults_are_said(work, tmp_path: Path) -> None:
    good = {"type": "MultiSurface", "lod": "1", "boundaries": [[[0, 1, 2]]]}
    (tmp_path / "a.json").write_text(json.dumps({
        "type": "CityJSON", "version": "2.0", "vertices": [[0, 0, 0], [1, 0, 0], [0, 1, 0]],
        "CityObjects": {"a": {"type": "Road", "geometry": [good, 7]}},
    }))  # fmt: skip
    code, said = work(Order((str(tmp_path / "a.json"),), "a"))
    assert code == 0
    assert [one.fault.file for one in said if one.fault] == ["a.json", "a.json"]
    assert said[-1].layer is not None
    assert said[-1].layer.features == 1


def test_progress_is_not_said_too_often(
    work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.obj").write_bytes(OBJ)
    order = Order((str(tmp_path / "a.obj"),) * 5, "a")
    code, said = work(order)
    assert code == 0
    monkeypatch.setattr(worker, "_TELL_EVERY", 0.0)
    _, more = work(order)
    assert len([one for one in more if one.progress is not None]) == 5
    assert len(said) <= len(more)


def test_what_cannot_be_read_is_said(work, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"hello")
    for name, words in (("a.txt", "none of"), ("gone", "No such file")):
        code, [said] = work(Order((str(tmp_path / name),), "a"))
        assert code == 1
        assert words in said.failure


def test_too_little_memory_is_said(work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(worker, "import_layer", full)
    code, [said] = work(Order(("a",), "a"))
    assert (code, "more memory" in said.failure) == (1, True)
