"""The operator's codes, and the command that shows them."""

import stat

import pytest
from click.testing import CliRunner

from gotapi_printer.arming import LIFETIME, TRIES, ArmError, new_code, take_code
from gotapi_printer.cli import plugin_folder, printers


def test_a_code_counts_once(tmp_path):
    code = new_code(tmp_path, "ender", 100.0)
    take_code(tmp_path, "ender", f" {code.lower()} ", 101.0)
    with pytest.raises(ArmError, match="gotapi printers arm ender"):
        take_code(tmp_path, "ender", code, 102.0)


def test_a_code_is_for_one_printer_and_a_while(tmp_path):
    code = new_code(tmp_path, "ender", 100.0)
    with pytest.raises(ArmError):
        take_code(tmp_path, "prusa", code, 101.0)
    with pytest.raises(ArmError, match="too old"):
        take_code(tmp_path, "ender", code, 100.0 + LIFETIME)
    with pytest.raises(ArmError):
        take_code(tmp_path, "ender", code, 101.0)


def test_guessing_ends_the_code(tmp_path):
    code = new_code(tmp_path, "ender", 100.0)
    for _ in range(TRIES):
        with pytest.raises(ArmError, match="wrong"):
            take_code(tmp_path, "ender", "AAAAAAAA", 101.0)
    with pytest.raises(ArmError):
        take_code(tmp_path, "ender", code, 102.0)


def test_a_new_code_replaces_the_old_one_and_only_its_owner_reads_it(tmp_path):
    old = new_code(tmp_path, "ender")
    new = new_code(tmp_path, "ender")
    assert old != new
    [file] = (tmp_path / "arming").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert new not in file.read_text()
    with pytest.raises(ArmError):
        take_code(tmp_path, "ender", old)
    take_code(tmp_path, "ender", new)


def test_a_damaged_file_is_no_code(tmp_path):
    new_code(tmp_path, "ender")
    next((tmp_path / "arming").iterdir()).write_text("{")
    with pytest.raises(ArmError):
        take_code(tmp_path, "ender", "AAAAAAAA")


def test_the_command_shows_a_code_that_counts(tmp_path):
    folder = plugin_folder(tmp_path)
    (folder / "jobs" / "ender").mkdir(parents=True)
    result = CliRunner().invoke(printers, ["arm", "ender", "--home", str(tmp_path)])
    assert result.exit_code == 0
    code = result.stdout.strip()
    assert len(code) == 8
    take_code(folder, "ender", code)
    assert "60 s" in result.stderr


def test_the_command_names_the_printers_there_are(tmp_path):
    (plugin_folder(tmp_path) / "jobs" / "ender").mkdir(parents=True)
    result = CliRunner().invoke(printers, ["arm", "prusa", "--home", str(tmp_path)])
    assert result.exit_code == 1
    assert "there is: ender" in result.stderr


def test_without_a_home_the_folder_is_that_of_the_user(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert plugin_folder(None) == tmp_path / "gotapi" / "plugins" / "printer"
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert plugin_folder(None) == tmp_path / ".local/share/gotapi/plugins/printer"
