"""Everything comes back, or nothing changes; what was there is kept."""

import hashlib
import io
import os
import shutil
import sqlite3
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gotapi_core.backup import (
    BackupError,
    open_backup,
    restore,
    restoring,
    save_backup,
    undo_cut_off,
)
from gotapi_core.paths import Paths, paths_under

Change = Callable[..., Path]


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


@pytest.fixture
def backup(full: Paths, tmp_path: Path, now: float) -> Path:
    save_backup(full, tmp_path / "hub.zip", now)
    return tmp_path / "hub.zip"


def test_a_hub_comes_back_on_an_empty_machine(
    full: Paths, empty: Paths, backup: Path, now: float
) -> None:
    done = restore(empty, backup, now)
    assert [folder.parent for folder in done.aside] == [empty.data]  # the folder for blobs
    for name in ("gotapi.toml", "plugins.d/lamp.toml"):
        assert (empty.config / name).read_bytes() == (full.config / name).read_bytes()
    lamp, old = empty.plugin("lamp"), full.plugin("lamp")
    assert (lamp / "deep/scene.bin").read_bytes() == (old / "deep/scene.bin").read_bytes()
    assert stat.S_IMODE((lamp / "engine.sh").stat().st_mode) == 0o700
    assert stat.S_IMODE((lamp / "own.db").stat().st_mode) == 0o600
    own = sqlite3.connect(lamp / "own.db")
    assert own.execute("SELECT name FROM lamps").fetchall() == [("desk",)]
    own.close()
    assert not (empty.data / "tls").exists()


def test_what_was_there_is_kept_aside(full: Paths, backup: Path, now: float) -> None:
    full.settings_file.write_text("[server]\nport = 9\n")
    (full.plugin("lamp") / "later.txt").write_text("made after the backup")
    (full.data / "blobs" / "file").write_text("of today")
    done = restore(full, backup, now)
    assert full.settings_file.read_text() == "[server]\nport = 4135\n"
    assert not (full.plugin("lamp") / "later.txt").exists()
    data, config = done.aside
    assert data.parent == full.data
    assert (data / "plugins/lamp/later.txt").read_text() == "made after the backup"
    assert (data / "blobs/file").read_text() == "of today"
    assert (data / "hub.sqlite3").exists()
    assert (config / "gotapi.toml").read_text() == "[server]\nport = 9\n"
    # Without the keys in it, those of this machine stay.
    assert (full.data / "tls/authority.pem").read_text() == "a key"
    assert full.operator_secret.read_text() == "operator"
    again = restore(full, backup, now)
    assert again.aside[0].name == f"{data.name}-2"


def test_keys_come_back_where_they_are_in_it(
    full: Paths, empty: Paths, tmp_path: Path, now: float
) -> None:
    save_backup(full, tmp_path / "keys.zip", now, keys=True)
    (empty.data / "links.secret").write_text("others")
    done = restore(empty, tmp_path / "keys.zip", now)
    assert (empty.data / "tls/authority.pem").read_text() == "a key"
    assert (empty.data / "links.secret").read_text() == "links"
    assert (done.aside[0] / "links.secret").read_text() == "others"
    assert not empty.operator_secret.exists()


def test_folders_on_their_own(full: Paths, backup: Path, tmp_path: Path, now: float) -> None:
    paths = Paths(tmp_path / "c", tmp_path / "d", tmp_path / "d" / "run")
    paths.prepare()
    (paths.run / "socket").write_text("of the session")
    restore(paths, backup, now)
    assert (paths.config / "gotapi.toml").exists()
    assert (paths.run / "socket").exists()
    assert {one.name for one in paths.config.iterdir()} == {"gotapi.toml", "plugins.d"}


def manifest_of(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    return {"manifest": change}


def entry(name: str, **more: Any) -> dict[str, Any]:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    return {"name": name, "size": 0, "sha256": empty, **more}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"files": {"data/hub.sqlite3": None}}, "missing"),
        ({"files": {"data/plugins/lamp/own.db": b"short"}}, "another size"),
        ({"files": {"data/plugins/lamp/engine.sh": b"#!/bin/xx\n"}}, "hash is another"),
        ({"files": {"manifest.json": None}}, r"no manifest\.json"),
        ({"files": {"manifest.json": b"[]"}}, "not that of a backup"),
        (manifest_of(lambda m: m.update(format=7)), "format 7"),
        (manifest_of(lambda m: m["entries"].append(entry("../evil"))), "belongs nowhere"),
        (manifest_of(lambda m: m["entries"].append(entry("data/not-there"))), "missing"),
    ],
)
def test_a_backup_that_was_changed_changes_nothing(
    full: Paths, backup: Path, now: float, changed: Change, change: Any, complaint: str
) -> None:
    before = tree(full.config)
    with pytest.raises(BackupError, match=complaint):
        restore(full, changed(backup, **change), now)
    assert tree(full.config) == before


def test_a_database_that_the_hub_cannot_use(
    full: Paths, backup: Path, now: float, changed: Change
) -> None:
    content = b"no database at all"
    digest = hashlib.sha256(content).hexdigest()

    def other(members: dict[str, Any]) -> None:
        members["entries"] = [entry("data/hub.sqlite3", size=len(content), sha256=digest)]

    before = tree(full.config)
    with pytest.raises(BackupError, match="cannot be used by this hub"):
        restore(full, changed(backup, files={"data/hub.sqlite3": content}, manifest=other), now)
    assert tree(full.config) == before


def test_a_file_that_unpacks_to_more_than_it_says(
    full: Paths, backup: Path, now: float, changed: Change
) -> None:
    bomb = changed(backup, files={"data/plugins/lamp/deep/scene.bin": bytes(50 << 20)})
    raw = bytearray(bomb.read_bytes())
    # The size of 25,600 bytes that the manifest has, in both heads of the file.
    wanted, real = (25_600).to_bytes(4, "little"), (50 << 20).to_bytes(4, "little")
    assert raw.count(real) == 2
    bomb.write_bytes(raw.replace(real, wanted))
    before = tree(full.config)
    with pytest.raises(BackupError, match="damaged"):
        restore(full, bomb, now)
    assert tree(full.config) == before


def test_files_of_other_kinds(full: Paths, tmp_path: Path, now: float) -> None:
    foreign = tmp_path / "foreign.zip"
    for content in (b"", b"PK\x05\x06", b"PK\x05\x06" + bytes(18), b"G28\n" * 100):
        foreign.write_bytes(content)
        with pytest.raises(BackupError, match="backup"):
            restore(full, foreign, now)
    with zipfile.ZipFile(foreign, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("manifest.json", b"{}")
    with pytest.raises(BackupError, match="packed as no backup"):
        restore(full, foreign, now)
    with pytest.raises(BackupError, match="No such file"):
        restore(full, tmp_path / "nowhere.zip", now)


def test_two_files_of_one_name(backup: Path) -> None:
    with (
        pytest.warns(UserWarning, match="Duplicate"),
        zipfile.ZipFile(backup, "a") as archive,
    ):
        archive.writestr("data/hub.sqlite3", b"another")
    with pytest.raises(BackupError, match="one name"), open_backup(backup):
        pass


def test_no_room_is_told_first(
    full: Paths, backup: Path, now: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restoring, "_RESERVE", 1 << 60)
    with pytest.raises(BackupError, match="MiB are free"):
        restore(full, backup, now)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small archive with the shape of a backup."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("data/hub.sqlite3", "data/plugins/lamp/file", "manifest.json"):
            archive.writestr(name, name.encode() * 5)
    return out.getvalue()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_no_damage_makes_it_fall_over(small: bytes, tmp_path: Path, data: st.DataObject) -> None:
    raw = bytearray(small)
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    file = tmp_path / "damaged.zip"
    file.write_bytes(raw[: data.draw(st.integers(len(raw) // 2, len(raw)))])
    with pytest.raises(BackupError), open_backup(file) as opened:
        opened.check()


class Cut(BaseException):
    """The power goes."""


@pytest.mark.parametrize("renames", range(1, 14))
def test_a_restore_that_is_cut_off_anywhere_is_undone(
    full: Paths, backup: Path, now: float, monkeypatch: pytest.MonkeyPatch, renames: int
) -> None:
    (full.data / "older").write_text("there before, and not in the backup")
    (full.plugin("lamp") / "later.txt").write_text("made after the backup")
    before = tree(full.config)
    done = 0
    rename = Path.rename

    def cut(self: Path, target: Path) -> Path:
        nonlocal done
        done += 1
        if done > renames:
            raise Cut
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", cut)
    monkeypatch.setattr(restoring.shutil, "rmtree", lambda *given, **more: None)
    try:
        restore(full, backup, now)
        finished = True
    except Cut:
        finished = False
    monkeypatch.undo()
    cut_off = (full.data / "restoring.json").exists()
    assert undo_cut_off(full) == cut_off
    assert not list(full.config.rglob("*.new"))
    if finished:
        assert not cut_off
        assert not (full.data / "older").exists()
    else:
        assert tree(full.config) == before
        assert not list(full.config.rglob("before-restore-*"))
    assert not undo_cut_off(full)


def test_the_cuts_above_reach_the_end(full: Paths, backup: Path, now: float) -> None:
    moved = len(restore(full, backup, now).aside)
    assert moved == 2


def test_a_failure_half_way_is_undone_at_once(
    full: Paths, backup: Path, now: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tree(full.config)
    rename = Path.rename

    def fails_once(self: Path, target: Path) -> Path:
        if self.name == "plugins.d" and self.parent.name.endswith(".new"):
            raise PermissionError(13, "Permission denied", str(self))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fails_once)
    with pytest.raises(BackupError, match="everything is as it was"):
        restore(full, backup, now)
    assert tree(full.config) == before


def test_a_note_that_cannot_be_read(full: Paths) -> None:
    (full.data / "restoring.json").write_text("{")
    with pytest.raises(BackupError, match="move that back"):
        undo_cut_off(full)


def test_a_restored_hub_can_be_backed_up_and_restored_again(
    full: Paths, backup: Path, tmp_path: Path, now: float
) -> None:
    restore(full, backup, now)
    second = tmp_path / "second.zip"
    save_backup(full, second, now)
    with open_backup(backup) as one, open_backup(second) as two:
        assert [e.name for e in one.manifest.entries] == [e.name for e in two.manifest.entries]
    shutil.rmtree(full.config)
    fresh = paths_under(full.config)
    fresh.prepare()
    restore(fresh, second, now)
    assert set(os.listdir(fresh.plugin("lamp"))) == {"deep", "engine.sh", "own.db"}
