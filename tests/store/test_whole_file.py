"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gotapi_core.whole_file import replacing, sync_folder


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "settings.json"
    file.write_bytes(b"old")
    file.chmod(0o644)
    return file


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def test_the_new_content_comes_as_a_whole_at_the_end(path: Path) -> None:
    with replacing(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert names(path.parent) == [path.name]


def test_a_file_that_was_not_there(tmp_path: Path) -> None:
    with replacing(tmp_path / "new") as file:
        file.write(b"first")
    assert (tmp_path / "new").read_bytes() == b"first"


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
def test_the_mode_is_what_was_said_and_never_more(path: Path, mode: int) -> None:
    old = os.umask(0)
    try:
        with replacing(path, mode) as file:
            assert stat.S_IMODE(os.fstat(file.fileno()).st_mode) == 0o600
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.parametrize("broken", ["fsync", "fchmod"])
def test_a_full_disk_leaves_what_was_there(
    path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, broken, full)
    with pytest.raises(OSError, match="No space left"), replacing(path) as file:
        file.write(b"new")
    assert (path.read_bytes(), names(path.parent)) == (b"old", [path.name])


def test_what_the_block_raises_comes_through_and_nothing_is_replaced(path: Path) -> None:
    def interrupted() -> None:
        with replacing(path) as file:
            file.write(b"new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (path.read_bytes(), names(path.parent)) == (b"old", [path.name])


def test_a_folder_in_its_place_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(IsADirectoryError), replacing(tmp_path / "taken") as file:
        file.write(b"new")
    assert names(tmp_path) == ["taken"]


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "no" / "file"):
        pass


KILLED = """
import os, signal, sys
from pathlib import Path
from gotapi_core.whole_file import replacing
with replacing(Path(sys.argv[1])) as file:
    file.write(b"new")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_program_that_is_killed_leaves_what_was_there(path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", KILLED, str(path)], timeout=30, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EINVAL, errno.EOPNOTSUPP])
def test_names_are_synced_where_the_file_system_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    sync_folder(tmp_path)

    def fails(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fails)
    if number in (errno.EINVAL, errno.EOPNOTSUPP):
        sync_folder(tmp_path)
    else:
        with pytest.raises(OSError, match=os.strerror(number)):
            sync_folder(tmp_path)


def test_what_is_in_its_place_is_no_failure_though_its_name_cannot_be_synced(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("gotapi_core.whole_file.sync_folder", fails)
    with replacing(path) as file:
        file.write(b"new")
    assert path.read_bytes() == b"new"
