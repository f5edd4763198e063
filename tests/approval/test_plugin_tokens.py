"""The approval procedure of GotAPI: client, token, request; asked again as DeviceConnect does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import ClassVar

import pytest

from gotapi_core.client import HubClient, HubRefused
from gotapi_core.plugin import Call, Plugin, Result, Service, event, get
from gotapi_core.protocol.errors import (
    ExpiredToken,
    InvalidProfile,
    NotAuthorized,
    UnknownClient,
)
from gotapi_core.testing import live_hub


class Told(Result):
    token: str


class Vault(Plugin):
    """Gives tokens; the test says what goes wrong."""

    id = "vault"
    name = "Vault"
    asked: ClassVar[list[tuple[object, ...]]] = []
    faults: ClassVar[list[Exception]] = []
    client_fault: ClassVar[Exception | None] = None
    token_faults: ClassVar[list[Exception]] = []
    empty: ClassVar[bool] = False

    def services(self) -> Sequence[Service]:
        return (Service(id="door", name="Door", scopes=("door", "lock")),)

    async def create_client(self, origin: str, service_id: str) -> str:
        self.asked.append(("client", origin, service_id))
        if type(self).client_fault is not None:
            raise type(self).client_fault
        if self.empty:
            return ""
        await asyncio.sleep(0)  # so that two first requests overlap
        return f"c{len(self.asked)}"

    async def request_access_token(
        self, client_id: str, application_name: str, scopes: Sequence[str]
    ) -> str:
        self.asked.append(("token", client_id, application_name, tuple(scopes)))
        if self.token_faults:
            raise self.token_faults.pop(0)
        return f"t{len(self.asked)}"

    @get("door", "state")
    async def state(self, call: Call) -> Told:
        if self.faults:
            raise self.faults.pop(0)
        return Told(token=call.plugin_token)

    @get("lock", "state")
    async def lock(self, call: Call) -> Told:
        return Told(token=call.plugin_token)

    @event("door", "opened")
    async def opened(self, call: Call) -> AsyncIterator[Told]:
        if self.faults:
            raise self.faults.pop(0)
        yield Told(token=call.plugin_token)
        await asyncio.Event().wait()


@pytest.fixture
def vault() -> type[Vault]:
    return type("Vault", (Vault,), {"asked": [], "faults": [], "token_faults": []})


@pytest.fixture
async def live(tmp_path, vault):
    async with live_hub(tmp_path, [vault]) as one:
        yield one


@pytest.fixture
async def client(live):
    async with HubClient(live.url, "http://app.example", "Keys") as one:
        asking = asyncio.create_task(one.authorize(["door", "lock"]))
        await live.allow()
        await asking
        yield one


async def token(client: HubClient, profile: str = "door") -> object:
    return (await client.get(profile, "state", "door.vault"))["token"]


async def test_the_first_request_brings_a_token_and_the_next_ones_use_it(client, vault) -> None:
    assert await token(client) == "t2"
    assert await token(client, "lock") == "t2"
    assert vault.asked == [
        ("client", "http://app.example", "door"),
        ("token", "c1", "Keys", ("door", "lock")),
    ]


async def test_two_first_requests_make_one_client(client, vault) -> None:
    assert await asyncio.gather(token(client), token(client)) == ["t2", "t2"]
    assert len(vault.asked) == 2


async def test_an_expired_token_is_asked_for_anew_with_the_same_client(client, vault) -> None:
    await token(client)
    vault.faults.append(ExpiredToken())
    assert await token(client) == "t3"
    assert [one[:2] for one in vault.asked[2:]] == [("token", "c1")]


async def test_an_unknown_client_is_made_anew(client, vault) -> None:
    await token(client)
    vault.faults.append(UnknownClient())
    assert await token(client) == "t4"
    assert [one[0] for one in vault.asked] == ["client", "token", "client", "token"]


async def test_after_three_tries_the_application_hears_of_no_token(client, vault) -> None:
    vault.faults.extend([ExpiredToken(), UnknownClient(), ExpiredToken()])
    with pytest.raises(HubRefused, match="refused its own access token 3 times") as refused:
        await token(client)
    assert refused.value.code == 1
    assert await token(client)  # and it works again when the plug-in does


async def test_a_plugin_that_wants_none_for_a_service_is_asked_once(client, vault) -> None:
    vault.client_fault = InvalidProfile()
    assert await token(client) == ""
    assert await token(client) == ""
    assert len(vault.asked) == 1


async def test_a_client_that_the_plugin_forgot_is_made_anew(client, vault) -> None:
    await token(client)
    vault.faults.append(ExpiredToken())
    vault.token_faults.append(UnknownClient())
    assert await token(client) == "t5"
    assert [one[0] for one in vault.asked[2:]] == ["token", "client", "token"]


async def test_an_empty_token_is_a_fault_of_the_plugin(client, vault) -> None:
    vault.empty = True
    with pytest.raises(HubRefused, match="empty client id"):
        await token(client)


async def test_a_refusal_reaches_the_application(client, vault) -> None:
    vault.client_fault = NotAuthorized("the key is not turned")
    with pytest.raises(HubRefused, match="the key is not turned"):
        await token(client)


async def test_events_carry_the_token_too(client, vault) -> None:
    vault.faults.append(ExpiredToken())
    async with client.events("door", "opened", "door.vault") as events:
        async with asyncio.timeout(5):
            assert (await anext(aiter(events))).members["token"] == "t3"


async def test_a_revoked_application_starts_anew(live, client, vault) -> None:
    await token(client)
    (application,) = live.hub.auth.applications()
    await live.hub.auth.revoke(application.id)
    assert live.hub.desk.named("vault").tokens._kept == {}


async def test_no_token_for_plugins_that_give_none(tmp_path) -> None:
    class Plain(Plugin):
        id = "plain"
        name = "Plain"

        def services(self) -> Sequence[Service]:
            return (Service(id="one", name="One", scopes=("door",)),)

        @get("door", "state")
        async def state(self, call: Call) -> Told:
            return Told(token=call.plugin_token)

    async with (
        live_hub(tmp_path, [Plain]) as live,
        HubClient(live.url, "http://app.example", "Keys") as client,
    ):
        asking = asyncio.create_task(client.authorize(["door"]))
        await live.allow()
        await asking
        assert (await client.get("door", "state", "one.plain"))["token"] == ""


def test_half_of_the_procedure_is_a_mistake() -> None:
    with pytest.raises(TypeError, match="create_client and request_access_token, or neither"):

        class Half(Plugin):
            id = "half"
            name = "Half"

            async def create_client(self, origin: str, service_id: str) -> str:
                return "c"


async def test_it_is_spoken_over_the_stdio_port_too(foreign, start_hub) -> None:
    source = foreign.package / "__init__.py"
    methods = (
        "class Lamp(Plugin):\n"
        "    async def create_client(self, origin, service_id):\n"
        "        return f'{origin} {service_id}'\n\n"
        "    async def request_access_token(self, client_id, application_name, scopes):\n"
        "        return f'{client_id} {application_name} {list(scopes)}'\n"
    )
    code = source.read_text().replace("class Lamp(Plugin):\n", methods)
    source.write_text(code.replace('Told(said="on")', "Told(said=call.plugin_token)"))
    async with start_hub() as live:
        await live.approve_plugin("lamp")
        assert live.hub.desk.named("lamp").description.gives_tokens
        async with HubClient(live.url, "http://app.example", "Keys") as client:
            asking = asyncio.create_task(client.authorize(["light"]))
            await live.allow()
            await asking
            answer = await client.get("light", "state", "desk.lamp")
            assert answer["said"] == "http://app.example desk Keys ['light']"
