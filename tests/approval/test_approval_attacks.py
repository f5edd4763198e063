"""Plug-ins that want to run unapproved, or as something else than what was approved."""

from __future__ import annotations

import importlib.util
import py_compile
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from unittest.mock import Mock

import click
import msgspec
import pytest
from click.testing import CliRunner

from gotapi_core import plugin_desk
from gotapi_core.approvals import APPROVED, OWNER
from gotapi_core.cli import demo, main, plugin_commands
from gotapi_core.cli.plugins_approval import described
from gotapi_core.host import loader
from gotapi_core.host.approval import approval_of
from gotapi_core.host.loader import Found, Loaded, find_module, load, settle_ids
from gotapi_core.host.plugin_folders import find_folders
from gotapi_core.host.ports import load_for
from gotapi_core.paths import paths_under
from gotapi_core.plugin.manifest import Manifest
from gotapi_core.settings import Settings
from gotapi_core.store import Documents, Store
from gotapi_core.testing import live_hub


def health_of(live, plugin_id: str = "lamp") -> tuple[str, str]:
    health = live.hub.desk.named(plugin_id).health
    return health.state.value, health.reason


async def test_a_link_out_of_the_package_cannot_be_approved(foreign, start_hub) -> None:
    outside = foreign.home / "outside.py"
    outside.write_text("x = 1")
    (foreign.package / "inside.py").symlink_to(outside)
    async with start_hub() as live:
        state, reason = health_of(live)
        assert state == "pending"
        assert "is a link out of the package" in reason
        assert live.hub.desk.named_card("lamp").digest == ""
        with pytest.raises(Exception, match="cannot be approved"):
            await live.approve_plugin("lamp")
        assert not foreign.ran.exists()


async def test_compiled_code_that_was_planted_does_not_run(foreign, start_hub) -> None:
    evil = foreign.home / "evil.py"
    mark = foreign.home / "evil.ran"
    evil.write_text(f"from pathlib import Path\nPath({str(mark)!r}).touch()\n")
    source = foreign.package / "__init__.py"
    async with start_hub() as live:
        await live.approve_plugin("lamp")
    cached = Path(importlib.util.cache_from_source(str(source)))
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(str(evil), str(cached), dfile=str(source), invalidation_mode=mode)
    foreign.ran.unlink()
    async with start_hub() as live:  # its sources are as they were approved, and they run
        assert health_of(live) == ("ready", "")
    assert foreign.ran.exists()
    assert not mark.exists()


async def test_a_manifest_that_offers_less_than_the_code(foreign, start_hub) -> None:
    manifest = foreign.package / "gotapi-plugin.toml"
    manifest.write_text(manifest.read_text().replace('["light"]', '["other"]'))
    async with start_hub() as live:
        await live.approve_plugin("lamp")
        state, _ = health_of(live)
        assert state in ("failed", "suspended")
        assert "light" not in live.hub.offered_scopes()


async def test_an_id_that_changes_after_it_was_shown(foreign, start_hub) -> None:
    async with start_hub() as live:
        foreign.write(own_id="printer")
        with pytest.raises(Exception, match="its manifest now says id 'printer'"):
            await live.approve_plugin("lamp")
        assert not foreign.ran.exists()


async def test_the_name_of_a_bundled_plugin_stays_the_hubs(
    make_foreign, tmp_path: Path, importable
) -> None:
    foreign = make_foreign("printer")
    bundled = load(find_module("gotapi_printer", "gotapi_printer"))
    plugins = [load_for(one, {}) for one in find_folders(tmp_path / "plugins.d")]
    async with live_hub(tmp_path / "home", [*plugins, bundled]) as live:
        assert live.hub.desk.named("printer").manifest.module == "gotapi_printer"
        assert live.hub.desk.named_card("printer").bundled
        state, reason = health_of(live, "printer (2)")
        assert state == "failed"
        assert "there is another plug-in with the id 'printer'" in reason
        with pytest.raises(Exception, match="cannot be approved"):
            await live.hub.desk.approve("printer (2)", "0")
    assert not foreign.ran.exists()


def test_even_a_broken_plugin_of_the_hub_keeps_its_id() -> None:
    own = Loaded(Manifest("printer", "Printers", "1", "gotapi_printer"), reason="it is broken")
    found = Found(Manifest("printer", "Printers", "1", "evil"))
    settled = settle_ids([Loaded(found.manifest, isolated=True, found=found), own])
    assert settled["printer"] is own
    assert "another plug-in" in settled["printer (2)"].reason


async def test_an_approved_plugin_keeps_its_id_against_a_newcomer(
    make_foreign, foreign, start_hub
) -> None:
    async with start_hub() as live:
        await live.approve_plugin("lamp")
    newcomer = make_foreign("a-first")  # its file is read first
    newcomer.write(own_id="lamp")
    async with start_hub() as live:
        assert health_of(live) == ("ready", "")
        assert live.hub.desk.named("lamp").manifest.module == "foreign_lamp"
        assert health_of(live, "lamp (2)")[0] == "failed"
    assert not newcomer.ran.exists()


@pytest.fixture
def unapproved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed plug-in with a command and a demo that nobody approved; returns its mark."""
    mark = tmp_path / "ran"
    package = tmp_path / "site" / "foreign_command"
    package.mkdir(parents=True)
    code = f"from pathlib import Path\nPath({str(mark)!r}).touch()\n"
    (package / "__init__.py").write_text(code)
    (package / "gotapi-plugin.toml").write_text(
        'id = "commander"\nname = "C"\nversion = "1"\nmodule = "foreign_command"\n'
        'commands = ["lampctl", "sim-printer"]\n[demo]\ncommand = ["plugins", "approve"]\n'
    )
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setenv("GOTAPI_HOME", str(tmp_path / "home"))
    own = list(loader.entry_points(group=loader.GROUP))
    entry = EntryPoint(name="commander", value="foreign_command", group=loader.GROUP)
    monkeypatch.setattr(loader, "entry_points", lambda **_: [entry, *own])
    return mark


def test_its_commands_are_not_imported(unapproved: Path) -> None:
    assert "lampctl" in CliRunner().invoke(main, ["--help"]).output
    answer = CliRunner().invoke(main, ["lampctl", "--now", "x"])
    assert answer.exit_code == 1
    assert "waits for your approval: gotapi plugins approve commander" in answer.output
    assert isinstance(plugin_commands.plugin_commands()["sim-printer"], click.Command)
    assert CliRunner().invoke(main, ["sim-printer", "--help"]).exit_code == 0  # the hub's own
    assert not unapproved.exists()


def test_once_it_is_approved_its_command_runs(unapproved: Path, tmp_path: Path) -> None:
    (found,) = [one for one in plugin_commands.find_plugins() if one.manifest.id == "commander"]
    paths = paths_under(tmp_path / "home")
    paths.prepare()
    with Store(paths.store) as store:
        subject, _ = plugin_desk._subject(found)
        body = msgspec.json.encode(approval_of(subject, 0.0, most_files=10))
        Documents(store, OWNER).put_sync(APPROVED, "commander", body)
    assert plugin_commands.approved([found]) == [found]
    plugin_commands.plugin_commands()
    assert unapproved.exists()
    unapproved.unlink()
    (tmp_path / "site" / "foreign_command" / "__init__.py").write_text("changed = True")
    assert plugin_commands.approved([found]) == []


def test_it_is_left_out_of_the_description(unapproved: Path) -> None:
    answer = CliRunner().invoke(main, ["describe", "schema"])
    assert answer.exit_code == 0, answer.output
    assert "plug-in commander is left out: it is not approved" in answer.output
    assert not unapproved.exists()


def test_its_demo_does_not_start(unapproved: Path, tmp_path: Path, monkeypatch) -> None:
    started: list[object] = []

    def popen(words: list[str], **_: object) -> Mock:
        started.append(words)
        return Mock()

    monkeypatch.setattr(subprocess, "Popen", popen)
    paths = paths_under(tmp_path / "home")
    paths.prepare()
    with demo.Demo(paths, Settings(), lambda found: found.bundled) as settings:
        assert "commander" not in settings.plugins
    assert started  # the hub's own
    assert all("approve" not in words for words in started)
    assert not unapproved.exists()


def test_no_name_moves_the_cursor_of_the_operators_terminal() -> None:
    shown = described(
        {
            "id": "lamp",
            "name": "Lamps\x1b[2J\n  wants: nothing",
            "version": "1\r",
            "state": "pending",
            "reason": "",
            "runs": "x\x07",
            "rights": ["serial ports: all"],
            "changes": [],
            "digest": "d",
        }
    )
    assert all(line.isprintable() for line in shown)
    assert [line for line in shown if line.startswith("  wants")] == ["  wants: serial ports: all"]


def test_the_workers_folder_is_not_where_modules_come_from(tmp_path: Path) -> None:
    (tmp_path / "msgspec.py").write_text("raise SystemExit('imported from the plug-in\\'s folder')")
    from gotapi_core.host.port_stdio import worker_command

    done = subprocess.run(
        worker_command("no_such_plugin"),
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "there is no package 'no_such_plugin'" in done.stderr
    assert sys.executable in worker_command("no_such_plugin")
