"""Where the files are: GOTAPI_HOME, else the folders of the XDG base directory text."""

import os
import stat
from pathlib import Path

import pytest

from gotapi_core.paths import Paths, default_paths, paths_under


def test_a_home_holds_everything() -> None:
    paths = paths_under(Path("/srv/hub"))
    assert paths == Paths(Path("/srv/hub"), Path("/srv/hub/data"), Path("/srv/hub/run"))
    assert paths.settings_file == Path("/srv/hub/gotapi.toml")
    assert paths.store == Path("/srv/hub/data/hub.sqlite3")
    assert paths.blobs == Path("/srv/hub/data/blobs")
    assert paths.operator_secret == Path("/srv/hub/data/operator.secret")
    assert paths.lock == Path("/srv/hub/data/hub.lock")
    assert paths.plugin("lamp") == Path("/srv/hub/data/plugins/lamp")


def test_a_home_may_be_relative_or_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert paths_under(Path("~/hub")).config == Path("/home/ada/hub")
    assert paths_under(Path("hub")).config == Path.cwd() / "hub"


def test_gotapi_home_wins() -> None:
    environ = {"GOTAPI_HOME": "/srv/hub", "XDG_CONFIG_HOME": "/c", "HOME": "/home/ada"}
    assert default_paths(environ) == paths_under(Path("/srv/hub"))


def test_the_xdg_folders_are_used() -> None:
    environ = {
        "XDG_CONFIG_HOME": "/c", "XDG_DATA_HOME": "/d", "XDG_RUNTIME_DIR": "/r", "HOME": "/home/ada"
    }  # fmt: skip
    assert default_paths(environ) == Paths(Path("/c/gotapi"), Path("/d/gotapi"), Path("/r/gotapi"))


@pytest.mark.parametrize("value", [None, "", "relative/folder"])
def test_without_usable_xdg_folders_their_defaults_are(value: str | None) -> None:
    names = ("GOTAPI_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR")
    environ = {"HOME": "/home/ada"} | {name: value for name in names[1:] if value is not None}
    assert default_paths(environ | {"GOTAPI_HOME": ""}) == Paths(
        Path("/home/ada/.config/gotapi"),
        Path("/home/ada/.local/share/gotapi"),
        Path("/home/ada/.local/share/gotapi/run"),
    )


@pytest.mark.parametrize("environ", [{}, {"HOME": ""}])
def test_without_home_the_users_own_is_asked_for(environ: dict[str, str]) -> None:
    assert default_paths(environ).config == Path("~").expanduser() / ".config" / "gotapi"


def test_the_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOTAPI_HOME", "/srv/other")
    assert default_paths() == paths_under(Path("/srv/other"))


def _mode(folder: Path) -> int:
    return stat.S_IMODE(folder.stat().st_mode)


def test_prepared_folders_are_their_owners_only(tmp_path: Path) -> None:
    paths = paths_under(tmp_path / "a" / "hub")
    before = os.umask(0)  # the worst a user can have
    try:
        paths.prepare()
    finally:
        os.umask(before)
    assert [_mode(one) for one in (paths.data, paths.run, paths.blobs, paths.config)] == [0o700] * 4


def test_folders_that_exist_are_closed_but_the_settings_folder_is_the_users(tmp_path: Path) -> None:
    paths = paths_under(tmp_path)
    tmp_path.chmod(0o755)
    paths.data.mkdir(mode=0o755)
    paths.prepare()
    paths.prepare()
    assert _mode(paths.data) == 0o700
    assert _mode(paths.config) == 0o755


def test_a_folder_that_cannot_be_made_raises(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("in the way")
    with pytest.raises(OSError, match="exists"):
        paths_under(tmp_path).prepare()
