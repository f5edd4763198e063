"""`gotapi backup` and `gotapi restore`, of a hub that runs, is killed, and comes back."""

import asyncio
import stat
import zipfile
from pathlib import Path

import httpx2
import pytest
from click.testing import CliRunner, Result

from gotapi_core.cli import main
from gotapi_core.client import HubClient
from gotapi_core.paths import paths_under
from gotapi_core.testing.process import HubProcess


def gotapi(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


async def _authorized(hub: HubProcess) -> None:
    async with HubClient(hub.url, "test.backup", "Backup Test") as client:
        asking = asyncio.create_task(client.authorize(["servicediscovery"]))
        await asyncio.to_thread(hub.approve_next)
        await asking


def applications(hub: HubProcess) -> list[str]:
    return [one["name"] for one in hub.operator("GET", "state")["applications"]]


def test_a_running_hub_is_backed_up_killed_lost_and_restored(tmp_path: Path) -> None:
    file, home = tmp_path / "hub.zip", tmp_path / "home"
    with HubProcess(home) as hub:
        asyncio.run(_authorized(hub))
        note = paths_under(home).plugin("printer") / "note.txt"
        note.write_text("kept by a plug-in")
        made = gotapi("backup", file, "--home", home)
        assert made.exit_code == 0, made.output
        assert "as you keep a password" in made.output
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        [allowed] = hub.operator("GET", "state")["applications"]
        hub.operator("POST", "revoke", {"id": allowed["id"]})
        note.unlink()

        refused = gotapi("restore", file, "--home", home)
        assert refused.exit_code == 1
        assert hub.url in refused.output
        assert "stop that hub" in refused.output
        assert applications(hub) == []
        hub.kill()

    done = gotapi("restore", file, "--home", home)
    assert done.exit_code == 0, done.output
    assert "before-restore-" in done.output
    assert "gotapi apps list" in done.output
    assert note.read_text() == "kept by a plug-in"
    with HubProcess(home) as hub:
        assert applications(hub) == ["Backup Test"]


def test_a_whole_file_is_told_from_a_damaged_one(tmp_path: Path) -> None:
    home, file = tmp_path / "home", tmp_path / "hub.zip"
    with HubProcess(home):
        pass
    assert gotapi("backup", file, "--home", home).exit_code == 0
    assert "is whole" in gotapi("restore", "--check", file).output
    again = gotapi("backup", file, "--home", home)
    assert again.exit_code == 1
    assert "--replace" in again.output

    raw = bytearray(file.read_bytes())
    raw[300] ^= 0xFF  # within the database
    file.write_bytes(raw)
    for words in (["--check"], ["--home", home]):
        refused = gotapi("restore", file, *words)
        assert refused.exit_code == 1
        assert "damaged" in refused.output
        assert "Traceback" not in refused.output
    assert not list(home.rglob("before-restore-*"))


def test_what_is_no_backup_makes_no_folder(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.zip"
    with zipfile.ZipFile(foreign, "w") as archive:
        archive.writestr("photo.jpg", b"not for a hub")
    refused = gotapi("restore", foreign, "--home", tmp_path / "home")
    assert refused.exit_code == 1
    assert "not a backup of a hub" in refused.output
    assert not (tmp_path / "home").exists()
    nothing = gotapi("restore", tmp_path / "nowhere.zip", "--home", tmp_path / "home")
    assert nothing.exit_code == 1
    assert "No such file" in nothing.output


def test_a_hub_that_never_ran_has_nothing_to_keep(tmp_path: Path) -> None:
    refused = gotapi("backup", tmp_path / "hub.zip", "--home", tmp_path / "home")
    assert refused.exit_code == 1
    assert "No hub has run" in refused.output


def test_a_start_undoes_a_restore_that_was_cut_off(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    with HubProcess(home):
        pass
    data = paths_under(home).data
    aside = data / "before-restore-20260101-000000"
    aside.mkdir()
    (data / "hub.sqlite3").rename(aside / "hub.sqlite3")
    (data / "restoring.json").write_text(
        f'{{"aside": "{aside.name}", "roots": [{{"folder": "{data}", "old": ["hub.sqlite3"], '
        '"new": ["hub.sqlite3"]}]}'
    )
    with HubProcess(home):
        assert not aside.exists()
        assert not (data / "restoring.json").exists()
    assert "A restore was cut off" in capfd.readouterr().err
    (data / "restoring.json").write_text("[]")
    refused = gotapi("run", "--home", home, "--port", "0")
    assert refused.exit_code == 78
    assert "move that back" in refused.output


def test_the_commands_secret_is_no_way_to_a_browsers_backup(tmp_path: Path) -> None:
    with HubProcess(tmp_path) as hub:
        secret = paths_under(tmp_path).operator_secret.read_text().strip()
        proof = {"Authorization": f"Bearer {secret}"}
        address = f"{hub.url}/operator/backup"
        assert httpx2.post(address, headers=proof, trust_env=False).status_code == 401
        assert httpx2.get(address, headers=proof, trust_env=False).status_code == 405
