"""What is in a backup, and what comes of it where none can be made."""

import errno
import os
import socket
import sqlite3
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from gotapi_auth.operator import OperatorAccess
from gotapi_core.backup import (
    BackupError,
    collecting,
    open_backup,
    save_backup,
    write_backup,
    writing,
)
from gotapi_core.paths import Paths
from gotapi_core.plugin import Context
from gotapi_core.store import Documents, Store

ALWAYS = {
    "config/gotapi.toml",
    "config/plugins.d/lamp.toml",
    "data/hub.sqlite3",
    "data/plugins/lamp/deep/scene.bin",
    "data/plugins/lamp/engine.sh",
    "data/plugins/lamp/own.db",
}


def names(file: Path) -> set[str]:
    with open_backup(file) as backup:
        backup.check()
        return {one.name for one in backup.manifest.entries}


def test_all_that_lasts_is_in_it_and_no_key(full: Paths, tmp_path: Path, now: float) -> None:
    for passing in ("blobs/x", "spool/y", "pycache/z", "before-restore-1/hub.sqlite3"):
        (full.data / passing).parent.mkdir(exist_ok=True)
        (full.data / passing).write_text("not lasting")
    target = tmp_path / "hub.zip"
    made = save_backup(full, target, now)
    assert names(target) == ALWAYS
    assert (made.created, made.keys) == (now, False)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert [one.name for one in made.entries if one.executable] == ["data/plugins/lamp/engine.sh"]
    assert set(os.listdir(tmp_path)) == {"full", "hub.zip"}


def test_keys_are_in_it_where_that_is_asked_for(full: Paths, tmp_path: Path, now: float) -> None:
    assert save_backup(full, tmp_path / "hub.zip", now, keys=True).keys
    keys = {"data/tls/authority.pem", "data/links.secret"}
    assert names(tmp_path / "hub.zip") == ALWAYS | keys


async def test_who_is_signed_in_is_not_in_it(full: Paths, tmp_path: Path, now: float) -> None:
    with Store(full.store) as store:
        access = OperatorAccess(full.data / "secret", lambda: now, store)
        assert await access.log_in(access.login_token())
        await Documents(store, "plugin:lamp").put("lamps", "desk", b"{}")
        save_backup(full, tmp_path / "hub.zip", now)
    with zipfile.ZipFile(tmp_path / "hub.zip") as archive:
        archive.extract("data/hub.sqlite3", tmp_path)
    with sqlite3.connect(tmp_path / "data" / "hub.sqlite3") as copy:
        owners = copy.execute("SELECT DISTINCT owner FROM documents").fetchall()
    copy.close()
    assert owners == [("plugin:lamp",)]


def test_a_plugins_folder_can_be_left_out(full: Paths, tmp_path: Path, now: float) -> None:
    save_backup(full, tmp_path / "hub.zip", now, without=frozenset({"lamp"}))
    assert not any(name.startswith("data/plugins") for name in names(tmp_path / "hub.zip"))


def test_a_cache_stays_out_where_its_tag_says_that_it_is_one(
    full: Paths, tmp_path: Path, now: float
) -> None:
    nothing: Any = None
    context = Context(
        plugin_id="lamp",
        settings=None,
        folder=full.plugin("lamp"),
        log=nothing,
        blobs=nothing,
        collection=nothing,
        spawn=nothing,
    )
    (context.cache("printed") / "desk").mkdir()
    (context.cache("printed") / "desk" / "1.gcode").write_text("G28")
    lasting = full.plugin("lamp") / "lasting"
    lasting.mkdir()
    (lasting / "CACHEDIR.TAG").write_text("a name that somebody liked")
    save_backup(full, tmp_path / "hub.zip", now)
    assert names(tmp_path / "hub.zip") == ALWAYS | {"data/plugins/lamp/lasting/CACHEDIR.TAG"}


def test_links_sockets_and_pipes_stay_out(full: Paths, tmp_path: Path, now: float) -> None:
    folder = full.plugin("lamp")
    (folder / "link").symlink_to("/etc/passwd")
    (folder / "linked").symlink_to("/etc", target_is_directory=True)
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        here = os.getcwd()
        os.chdir(folder)  # a socket's path may have 107 characters
        try:
            server.bind("socket")
        finally:
            os.chdir(here)
        save_backup(full, tmp_path / "hub.zip", now)
    assert names(tmp_path / "hub.zip") == ALWAYS


_WRITER = """
import os, sqlite3, sys
database = sqlite3.connect(sys.argv[1])
database.execute("PRAGMA journal_mode = WAL")
database.execute("PRAGMA wal_autocheckpoint = 0")
database.execute("INSERT INTO lamps VALUES ('logged only')")
database.commit()
database.execute("INSERT INTO lamps VALUES ('never committed')")
os._exit(9)
"""


def test_a_log_that_a_kill_left_is_in_the_copy(full: Paths, tmp_path: Path, now: float) -> None:
    own = full.plugin("lamp") / "own.db"
    subprocess.run([sys.executable, "-c", _WRITER, own], check=False, timeout=60)
    assert own.with_name("own.db-wal").stat().st_size > 0
    save_backup(full, tmp_path / "hub.zip", now)
    assert names(tmp_path / "hub.zip") == ALWAYS
    with zipfile.ZipFile(tmp_path / "hub.zip") as archive:
        (tmp_path / "copy.db").write_bytes(archive.read("data/plugins/lamp/own.db"))
    copy = sqlite3.connect(tmp_path / "copy.db")
    assert copy.execute("SELECT name FROM lamps").fetchall() == [("desk",), ("logged only",)]
    copy.close()


def test_a_damaged_database_is_named(full: Paths, tmp_path: Path, now: float) -> None:
    own = full.plugin("lamp") / "own.db"
    own.write_bytes(own.read_bytes()[:16] + b"damaged " * 1000)
    with pytest.raises(BackupError, match=r"own\.db"):
        save_backup(full, tmp_path / "hub.zip", now)
    assert os.listdir(tmp_path) == ["full"]


def test_nothing_to_keep(empty: Paths, tmp_path: Path, now: float) -> None:
    with pytest.raises(BackupError, match="No hub has run"):
        save_backup(empty, tmp_path / "hub.zip", now)


def test_a_file_that_is_there_stays(full: Paths, tmp_path: Path, now: float) -> None:
    target = tmp_path / "hub.zip"
    target.write_text("precious")
    with pytest.raises(BackupError, match="--replace"):
        save_backup(full, target, now)
    assert target.read_text() == "precious"
    save_backup(full, target, now, replace=True)
    assert names(target) == ALWAYS


def test_a_backup_does_not_go_into_what_it_is_of(full: Paths, now: float) -> None:
    with pytest.raises(BackupError, match="outside"):
        save_backup(full, full.data / "hub.zip", now)
    with pytest.raises(BackupError, match="No such file"):
        save_backup(full, full.config / "nowhere" / "hub.zip", now)


@pytest.mark.parametrize(
    ("number", "complaint"), [(errno.ENOSPC, "no room left"), (errno.EIO, "Input/output error")]
)
def test_a_full_disk_is_told_and_leaves_no_half_file(
    full: Paths,
    tmp_path: Path,
    now: float,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    complaint: str,
) -> None:
    def fails(handle: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(writing.os, "fsync", fails)
    with pytest.raises(BackupError, match=complaint):
        save_backup(full, tmp_path / "hub.zip", now)
    assert os.listdir(tmp_path) == ["full"]


def test_too_little_room_is_told_before_anything_is_written(
    full: Paths, tmp_path: Path, now: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "_RESERVE", 1 << 60)
    out = BytesIO()
    with pytest.raises(BackupError, match="MiB are free"):
        write_backup(full, out, now, tmp_path)
    assert out.getvalue() == b""


@pytest.mark.parametrize(
    ("limit", "value"), [("MAX_FILES", 3), ("MAX_FILE", 1000), ("MAX_TOTAL", 30_000)]
)
def test_too_much_is_told_with_what_to_do(
    full: Paths,
    tmp_path: Path,
    now: float,
    monkeypatch: pytest.MonkeyPatch,
    limit: str,
    value: int,
) -> None:
    monkeypatch.setattr(collecting, limit, value)
    with pytest.raises(BackupError, match="--without ID"):
        save_backup(full, tmp_path / "hub.zip", now)


def test_a_name_that_no_backup_can_hold(full: Paths, tmp_path: Path, now: float) -> None:
    (full.plugin("lamp") / "line\nbreak").write_text("x")
    with pytest.raises(BackupError, match="rename it"):
        save_backup(full, tmp_path / "hub.zip", now)


@pytest.mark.parametrize("after", [0, 2, 5])
def test_a_backup_can_be_called_off(full: Paths, tmp_path: Path, now: float, after: int) -> None:
    asked = 0

    def stopped() -> bool:
        nonlocal asked
        asked += 1
        return asked > after

    with pytest.raises(BackupError, match="called off"):
        write_backup(full, BytesIO(), now, tmp_path, stopped=stopped)
    assert os.listdir(tmp_path) == ["full"]


def test_a_file_that_goes_meanwhile_is_not_in_it(
    full: Paths, tmp_path: Path, now: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    collect: Callable[..., list[collecting.Found]] = writing.collect
    gone = full.plugin("lamp") / "deep" / "scene.bin"

    def then_delete(*given: Paths, **more: bool) -> list[collecting.Found]:
        found = collect(*given, **more)
        gone.unlink()
        return found

    monkeypatch.setattr(writing, "collect", then_delete)
    save_backup(full, tmp_path / "hub.zip", now)
    assert names(tmp_path / "hub.zip") == ALWAYS - {"data/plugins/lamp/deep/scene.bin"}
