"""A whole hub: a plug-in that is not the hub's own waits, is approved, changes, and waits again."""

from __future__ import annotations

import ast
import asyncio
import contextlib

import httpx2
import pytest

from gotapi_core.approvals import APPROVED, MOST_FILES, OWNER
from gotapi_core.client import HubClient, HubRefused
from gotapi_core.host.supervisor import PluginState
from gotapi_core.protocol.errors import IllegalServerState, InvalidParameter, ResultCode
from gotapi_core.store import Documents
from gotapi_core.testing import LiveHub


def state_of(live: LiveHub, plugin_id: str = "lamp") -> str:
    return live.hub.desk.named(plugin_id).health.state.value


def reason_of(live: LiveHub, plugin_id: str = "lamp") -> str:
    return live.hub.desk.named(plugin_id).health.reason


@contextlib.asynccontextmanager
async def application(live: LiveHub):
    """A client that may use the lamps."""
    async with HubClient(live.url, "http://app.example", "Test") as client:
        asking = asyncio.create_task(client.authorize(["light", "servicediscovery"]))
        await live.allow()
        await asking
        yield client


async def said(live: LiveHub, attribute: str = "state", **params: object) -> str:
    async with application(live) as client:
        answer = await client.get("light", attribute, "desk.lamp", **params)
        return str(answer["said"])


async def test_pending_then_approved_then_it_works_without_a_restart(foreign, start_hub) -> None:
    foreign.write(rights='serial = true\nnetwork = ["lamp.local"]')
    async with start_hub() as live:
        assert state_of(live) == "pending"
        assert reason_of(live) == "it waits for your approval: gotapi plugins approve lamp"
        assert "light" not in live.hub.offered_scopes()
        card = live.hub.desk.named_card("lamp")
        assert card.rights == ("serial ports: all", "network: lamp.local")
        assert (card.runs, card.bundled, card.approved) == ("foreign_lamp", False, None)
        assert not foreign.ran.exists()  # nothing of it was imported

        await live.approve_plugin("lamp")
        assert state_of(live) == "ready", reason_of(live)
        assert foreign.ran.exists()
        assert await said(live) == "on"
        assert ast.literal_eval(await said(live, "rights")) == [["*"], ["lamp.local"], [], False]


async def test_an_approval_survives_a_restart_of_the_hub(foreign, start_hub) -> None:
    async with start_hub() as live:
        await live.approve_plugin("lamp")
    async with start_hub() as live:
        assert state_of(live) == "ready", reason_of(live)


async def test_a_changed_version_waits_again_and_says_what_changed(foreign, start_hub) -> None:
    async with start_hub() as live:
        await live.approve_plugin("lamp")
    foreign.ran.unlink()
    foreign.write(version="1.1", rights="serial = true", said="dim")
    (foreign.package / "new.py").write_text("x = 1")
    async with start_hub() as live:
        assert state_of(live) == "pending"
        assert reason_of(live) == (
            "it is not as you approved it: version 1.0 → 1.1, 2 files changed, 1 new, now also "
            "wants serial ports: all"
        )
        assert not foreign.ran.exists()
        await live.approve_plugin("lamp")
        assert await said(live) == "dim"


async def test_a_plugin_that_changes_its_own_files_does_not_start_again(foreign, start_hub) -> None:
    async with start_hub() as live:
        await live.approve_plugin("lamp")
        assert await said(live, "spoil") == "done"
        assert state_of(live) == "ready"  # what runs was approved
        await live.hub.desk.disable("lamp")
        await live.hub.desk.enable("lamp")
        assert state_of(live) == "pending"
        assert "1 file changed" in reason_of(live)


async def test_nor_does_it_after_a_crash(foreign, start_hub) -> None:
    async with start_hub() as live:
        await live.approve_plugin("lamp")
        supervisor = live.hub.desk.named("lamp")
        foreign.write(said="bad")
        supervisor._port._run.child.cut()
        async with asyncio.timeout(10):
            while supervisor.health.state is not PluginState.PENDING:
                await supervisor._moved.wait()
        assert reason_of(live) == "it is not as you approved it: 1 file changed"


async def test_approving_something_else_than_what_was_shown_is_refused(foreign, start_hub) -> None:
    async with start_hub() as live:
        shown = live.hub.desk.named_card("lamp").digest
        foreign.write(rights="bluetooth = true")
        with pytest.raises(IllegalServerState, match="are others than those that were shown"):
            await live.hub.desk.approve("lamp", shown)
        assert state_of(live) == "pending"
        assert not foreign.ran.exists()
        assert live.hub.desk.named_card("lamp").rights == ("Bluetooth",)  # what is there now
        await live.approve_plugin("lamp")
        assert ast.literal_eval(await said(live, "rights")) == [[], [], [], True]


async def test_revoked_and_turned_off_it_stops_and_its_services_are_offline(
    foreign, start_hub
) -> None:
    async with start_hub() as live:
        await live.approve_plugin("lamp")
        async with application(live) as client:
            assert [one.online for one in await client.services()] == [True]
            await live.hub.desk.disable("lamp")
            assert state_of(live) == "stopped"
            (service,) = await client.services()
            assert not service.online
            with pytest.raises(HubRefused, match="you turned it off") as refused:
                await client.get("light", "state", "desk.lamp")
            assert refused.value.code == ResultCode.PLUGIN_DISABLED
            await live.hub.desk.enable("lamp")
            assert (await client.get("light", "state", "desk.lamp"))["said"] == "on"
            await live.hub.desk.revoke("lamp")
            assert state_of(live) == "pending"
            with pytest.raises(HubRefused, match="waits for your approval"):
                await client.get("light", "state", "desk.lamp")


async def test_off_stays_off_after_a_restart_of_the_hub(foreign, start_hub) -> None:
    async with start_hub() as live:
        await live.approve_plugin("lamp")
        await live.hub.desk.disable("lamp")
    foreign.ran.unlink()
    async with start_hub() as live:
        assert state_of(live) == "stopped"
        assert not foreign.ran.exists()
        await live.hub.desk.enable("lamp")
        assert state_of(live) == "ready"


async def test_decisions_that_make_no_sense_say_why(foreign, start_hub) -> None:
    async with start_hub() as live:
        desk = live.hub.desk
        with pytest.raises(InvalidParameter, match="there are: lamp"):
            await desk.approve("lamb", "0")
        with pytest.raises(InvalidParameter, match="has no approval to revoke"):
            await desk.revoke("lamp")
        await live.approve_plugin("lamp")
        with pytest.raises(IllegalServerState, match="is ready"):
            await desk.enable("lamp")


async def test_in_the_hubs_process_it_is_not_imported_before_it_is_approved(
    foreign, start_hub, importable
) -> None:
    importable()
    async with start_hub(plugin_host={"lamp": {"port": "inprocess"}}) as live:
        assert state_of(live) == "pending"
        assert not foreign.ran.exists()
        await live.approve_plugin("lamp")
        assert await said(live) == "on"
        assert live.hub.scope_words()["light"] == "switch your lamps"

        # The old code is in memory, and nothing takes it out again.
        await live.hub.desk.disable("lamp")
        foreign.write(said="dim")
        await live.hub.desk.enable("lamp")
        assert state_of(live) == "pending"
        await live.approve_plugin("lamp")
        assert state_of(live) == "stopped"
        assert "restart the hub" in reason_of(live)


async def test_one_that_breaks_in_the_hubs_process_fails_alone(
    foreign, start_hub, importable
) -> None:
    importable()
    (foreign.package / "__init__.py").write_text("raise RuntimeError('no lamp here')")
    async with start_hub(plugin_host={"lamp": {"port": "inprocess"}}) as live:
        await live.approve_plugin("lamp")
        assert state_of(live) == "failed"
        assert "no lamp here" in reason_of(live)
        with pytest.raises(IllegalServerState, match="restart the hub"):
            await live.hub.desk.enable("lamp")
        with pytest.raises(InvalidParameter, match="cannot run anyway"):
            await live.hub.desk.disable("lamp")


async def test_one_that_connects_by_itself_is_turned_off_too(start_hub) -> None:
    async with start_hub() as live:
        desk = live.hub.desk
        await live.hub.socket_plugins.make_token("lonely")
        assert not desk.named_card("lonely").bundled
        await desk.disable("lonely")
        assert state_of(live, "lonely") == "stopped"
        supervisor = desk.named("lonely")
        held = await supervisor.gate()
        assert held is not None
        assert held.state is PluginState.STOPPED


async def test_an_approval_of_another_time_is_as_good_as_none(foreign, start_hub, caplog) -> None:
    async with start_hub() as live:
        await live.approve_plugin("lamp")
        documents = Documents(live.hub.store, OWNER)
        await documents.put(APPROVED, "lamp", b'{"digest": 3}')
    async with start_hub() as live:
        assert state_of(live) == "pending"
    assert "the approval of plug-in lamp is not readable" in caplog.text


async def test_so_many_files_that_only_the_whole_hash_is_kept(foreign, start_hub) -> None:
    for number in range(MOST_FILES):
        (foreign.package / f"f{number}").touch()
    async with start_hub() as live:
        await live.approve_plugin("lamp")
        assert live.hub.approvals.get("lamp").files is None
        assert state_of(live) == "ready"


async def test_the_operator_api_decides(foreign, start_hub) -> None:
    async with start_hub() as live:
        secret = live.hub.paths.operator_secret.read_text().strip()
        base = f"{live.url}/operator/api"
        headers = {"Authorization": f"Bearer {secret}"}
        async with httpx2.AsyncClient(headers=headers, trust_env=False) as http:
            (shown,) = (await http.get(f"{base}/state")).json()["plugins"]
            assert (shown["state"], shown["decided"], shown["rights"]) == ("pending", False, [])
            wish = {"id": "lamp", "digest": shown["digest"]}
            answer = await http.post(f"{base}/plugin-approve", json=wish)
            assert answer.json() == {"state": "ready", "reason": ""}
            answer = await http.post(f"{base}/plugin-disable", json={"id": "lamp"})
            assert answer.json()["state"] == "stopped"
            answer = await http.post(f"{base}/plugin-enable", json={"id": "lamp"})
            assert answer.json()["state"] == "ready"
            answer = await http.get(f"{base}/plugin?id=lamp")
            assert answer.json()["detail"] == ""
            answer = await http.post(f"{base}/plugin-revoke", json={"id": "lamp"})
            assert answer.json()["state"] == "pending"
            wrong = await http.post(f"{base}/plugin-approve", json={**wish, "digest": "0"})
            assert wrong.status_code >= 400
            assert "look at it again" in wrong.json()["error"]
        async with httpx2.AsyncClient(trust_env=False) as nobody:
            assert (await nobody.post(f"{base}/plugin-approve", json=wish)).status_code == 403
        assert state_of(live) == "pending"


async def test_a_broken_one_fails_alone_with_its_traceback(foreign, start_hub) -> None:
    (foreign.package / "__init__.py").write_text("raise RuntimeError('no lamp here')")
    async with start_hub() as live:
        await live.approve_plugin("lamp")
        health = live.hub.desk.named("lamp").health
        assert health.state.value in ("failed", "suspended")
        assert "no lamp here" in health.detail
