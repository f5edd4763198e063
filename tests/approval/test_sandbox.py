"""The sandbox: what its command says, and that it holds where bubblewrap works."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gotapi_core.client import HubClient
from gotapi_core.host import sandbox
from gotapi_core.host.sandbox import bubblewrap, wrapped
from gotapi_core.plugin.rights import Rights


def words(rights: Rights, tmp_path: Path) -> list[str]:
    command = wrapped(
        "/usr/bin/bwrap",
        ["python3", "-m", "lamp"],
        rights,
        readable=[tmp_path / "code"],
        writable=[tmp_path / "own"],
        cwd=tmp_path / "own",
    )
    assert command[0] == "/usr/bin/bwrap"
    assert command[-6:] == ("--chdir", str(tmp_path / "own"), "--", "python3", "-m", "lamp")
    return list(command)


def binds(found: list[str], option: str) -> set[str]:
    return {found[at + 1] for at, word in enumerate(found) if word == option}


def test_without_rights_there_is_no_network_and_no_device(tmp_path: Path) -> None:
    found = words(Rights(), tmp_path)
    assert {"--unshare-all", "--die-with-parent", "--new-session"} <= set(found)
    assert "--share-net" not in found
    assert binds(found, "--dev-bind") == binds(found, "--dev-bind-try") == set()
    assert binds(found, "--bind") == {str(tmp_path / "own")}
    assert str(tmp_path / "code") in binds(found, "--ro-bind-try")
    assert str(Path.home()) not in binds(found, "--ro-bind-try")


def test_what_was_approved_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = tmp_path / "ttyLAMP0"
    device.touch()
    rights = Rights((f"{tmp_path}/tty*",), False, ("lamp.local",), ("/srv/models", "~/lamps"))
    found = words(rights, tmp_path)
    assert "--share-net" in found
    assert binds(found, "--dev-bind-try") == {str(device)}
    assert {"/srv/models", str(Path.home() / "lamps")} <= binds(found, "--ro-bind-try")


def test_all_serial_ports_need_all_devices_and_bluetooth_its_bus(tmp_path: Path) -> None:
    found = words(Rights(serial=True, bluetooth=True), tmp_path)
    assert binds(found, "--dev-bind") == {"/dev"}
    assert "/run/dbus/system_bus_socket" in binds(found, "--ro-bind-try")


def test_a_bubblewrap_that_does_not_work_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bwrap").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    bubblewrap.cache_clear()
    assert sandbox.bubblewrap() == ""
    (tmp_path / "bwrap").unlink()
    bubblewrap.cache_clear()
    assert sandbox.bubblewrap() == ""
    bubblewrap.cache_clear()


async def test_a_plugin_in_the_sandbox_works_and_sees_nothing_else(
    foreign, start_hub, tmp_path: Path
) -> None:
    bubblewrap.cache_clear()
    if not await asyncio.to_thread(bubblewrap):
        pytest.skip("needs a bubblewrap that works for this user (Debian: bubblewrap)")
    secret, shared = tmp_path / "secret", tmp_path / "shared"
    secret.write_text("mine")
    shared.mkdir()
    (shared / "model").write_text("cube")
    foreign.write(rights=f'folders = ["{shared}"]')
    async with start_hub(plugin_host={"lamp": {"sandbox": "auto"}}) as live:
        await live.approve_plugin("lamp")
        assert live.hub.desk.named("lamp").ready, live.hub.desk.named("lamp").health
        async with HubClient(live.url, "http://app.example", "Test") as client:
            asking = asyncio.create_task(client.authorize(["light"]))
            await live.allow()
            await asking

            async def read(path: Path) -> object:
                answer = await client.get("light", "read", "desk.lamp", path=str(path))
                return answer["said"]

            assert await read(shared / "model") == "cube"
            assert await read(secret) == "FileNotFoundError"
            assert await read(live.hub.paths.operator_secret) == "FileNotFoundError"
        port = live.hub.desk.named("lamp")._port
        assert port._run.child.memory() > 10 * 1024 * 1024  # that of the plug-in, not of bwrap


async def test_and_outside_of_it_when_it_is_switched_off(foreign, start_hub, tmp_path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("mine")
    async with start_hub(plugin_host={"lamp": {"sandbox": "off"}}) as live:
        await live.approve_plugin("lamp")
        async with HubClient(live.url, "http://app.example", "Test") as client:
            asking = asyncio.create_task(client.authorize(["light"]))
            await live.allow()
            await asking
            answer = await client.get("light", "read", "desk.lamp", path=str(secret))
            assert answer["said"] == "mine"
