"""gotapi.toml on the disk: replaced as a whole, only as it was read, and never half."""

import os
import stat
from pathlib import Path

import pytest

from gotapi_core.plugin_settings import file as files
from gotapi_core.plugin_settings.file import (
    NO_FILE,
    FileChanged,
    read_file,
    refusal,
    write_file,
)
from gotapi_core.settings import SettingsError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    one = tmp_path / "gotapi.toml"
    one.write_text("a = 1\n")
    return one


def test_it_is_replaced_and_its_mode_stays(file: Path) -> None:
    file.chmod(0o640)
    state = write_file(file, "a = 2\n", read_file(file).revision)
    assert file.read_text() == "a = 2\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert state == read_file(file)
    assert [one.name for one in file.parent.iterdir()] == ["gotapi.toml"]


def test_a_new_file_is_its_owners_only(tmp_path: Path) -> None:
    file = tmp_path / "gotapi.toml"
    assert read_file(file).revision == NO_FILE
    write_file(file, "a = 1\n", NO_FILE)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_lines_of_windows_are_read_as_they_are(file: Path) -> None:
    file.write_bytes(b"a = 1\r\n")
    assert read_file(file).text == "a = 1\r\n"


def test_a_link_stays_a_link_and_its_target_is_changed(file: Path) -> None:
    (file.parent / "dotfiles").mkdir()
    target = file.rename(file.parent / "dotfiles" / "hub.toml")
    file.symlink_to(Path("dotfiles") / "hub.toml")
    write_file(file, "a = 2\n", read_file(file).revision)
    assert file.is_symlink()
    assert target.read_text() == "a = 2\n"


def test_what_somebody_else_wrote_meanwhile_stays(file: Path) -> None:
    revision = read_file(file).revision
    file.write_text("a = 3\n")
    with pytest.raises(FileChanged, match="was changed since these settings were read"):
        write_file(file, "a = 2\n", revision)
    assert file.read_text() == "a = 3\n"
    with pytest.raises(FileChanged):
        write_file(file, "a = 2\n", NO_FILE)
    assert [one.name for one in file.parent.iterdir()] == ["gotapi.toml"]


def test_a_read_only_file_is_refused_in_words(file: Path) -> None:
    file.chmod(0o444)
    with pytest.raises(SettingsError, match="is read-only; make it writable"):
        write_file(file, "a = 2\n", read_file(file).revision)
    assert file.read_text() == "a = 1\n"


def test_a_read_only_folder_is_refused_in_words(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Not by chmod: tests may run as root, whom that does not stop.
    monkeypatch.setattr(files.os, "access", lambda path, mode: Path(path) != file.parent)
    assert refusal(file) == (
        f"the folder {file.parent} is read-only, so gotapi.toml in it cannot be replaced"
    )


def test_what_is_no_plain_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "gotapi.toml").mkdir()
    assert "is no plain file" in refusal(tmp_path / "gotapi.toml")
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        read_file(tmp_path / "gotapi.toml")
    (tmp_path / "x").write_text("")
    assert "cannot be written: Not a directory" in refusal(tmp_path / "x" / "gotapi.toml")


def test_bytes_that_are_no_text_are_told(file: Path) -> None:
    file.write_bytes(b"\xff")
    with pytest.raises(SettingsError, match="is not TOML"):
        read_file(file)


@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_a_full_disk_leaves_the_file_as_it_was(
    file: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    revision = read_file(file).revision

    def full(*given: object) -> None:
        raise OSError(28, "No space left on device")

    if broken == "fsync":
        monkeypatch.setattr(os, "fsync", full)
    else:
        monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(SettingsError, match="No space left on device"):
        write_file(file, "a = 2\n", revision)
    monkeypatch.undo()
    assert file.read_text() == "a = 1\n"
    assert os.listdir(file.parent) == ["gotapi.toml"]
