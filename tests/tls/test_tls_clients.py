"""How clients know an https hub, and what happens when it is another one."""

import asyncio
import json
import stat
from pathlib import Path

import pytest

from gotapi_core.client import (
    HubClient,
    HubIdentityChanged,
    HubUnreachable,
    HubUntrusted,
    Trust,
)
from gotapi_core.client.known_hubs import MAX_HUBS, KnownHub, KnownHubs
from gotapi_core.client.trust import verification_failure
from gotapi_core.protocol.fingerprint import grouped
from gotapi_core.tls.keeper import Keeper

ORIGIN = "org.example.client"
OTHER = "ab" * 32
DEADLINE = 8.0


def client_of(live, **trust) -> HubClient:
    url = f"https://localhost:{live.door.port}"
    return HubClient(url, ORIGIN, "Client", trust=Trust(**trust))


async def reach(live, **trust) -> str:
    """Return the product that answers, once the client trusts it."""
    async with asyncio.timeout(DEADLINE), client_of(live, **trust) as client:
        return (await client.availability()).product


async def test_by_the_authoritys_certificate(tls_hub) -> None:
    async with tls_hub() as live:
        ca_file = live.hub.paths.data / "tls" / "ca.crt"
        assert await reach(live, ca_file=ca_file) == "gotapi-hub"


async def test_by_the_fingerprint_however_it_is_written(tls_hub) -> None:
    async with tls_hub() as live:
        pin = live.door.identity.fingerprint
        assert await reach(live, pin=pin) == "gotapi-hub"
        assert await reach(live, pin=f"SHA256:{grouped(pin).upper()}") == "gotapi-hub"


async def test_without_anything_a_hub_is_not_trusted(tls_hub) -> None:
    async with tls_hub() as live:
        with pytest.raises(HubUntrusted, match="gotapi tls show"):
            await reach(live)


async def test_a_wrong_fingerprint_is_a_hard_error(tls_hub) -> None:
    async with tls_hub() as live:
        with pytest.raises(HubIdentityChanged, match="nothing was sent") as raised:
            await reach(live, pin=OTHER)
        assert grouped(live.door.identity.fingerprint) in str(raised.value)
        assert grouped(OTHER) in str(raised.value)


def test_what_is_no_fingerprint_is_refused_before_anything_else() -> None:
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        HubClient("https://localhost:1", ORIGIN, "Client", trust=Trust(pin="abc"))


async def test_another_authoritys_certificate_is_refused(tls_hub, tmp_path: Path, clock) -> None:
    other = Keeper(tmp_path / "other")
    other.ensure(frozenset({"localhost"}), clock.now)
    async with tls_hub() as live:
        with pytest.raises(HubUntrusted) as raised:
            await reach(live, ca_file=other.certificate_file)
        assert not isinstance(raised.value, HubIdentityChanged)


@pytest.mark.parametrize("content", [None, b"", b"nonsense"])
async def test_a_file_without_a_certificate_is_named(tls_hub, tmp_path: Path, content) -> None:
    ca_file = tmp_path / "mine.crt"
    if content is not None:
        ca_file.write_bytes(content)
    async with tls_hub() as live:
        with pytest.raises(HubUntrusted, match=r"mine\.crt"):
            await reach(live, ca_file=ca_file)


async def test_trust_on_first_use_then_never_another_key(tls_hub, tmp_path: Path, clock) -> None:
    known = tmp_path / "config" / "known.json"
    async with tls_hub() as live:
        assert await reach(live, known_hubs=known) == "gotapi-hub"
        assert await reach(live, known_hubs=known) == "gotapi-hub"
        assert stat.S_IMODE(known.stat().st_mode) == 0o600
        first = live.door.identity.fingerprint
        assert json.loads(known.read_text())["hubs"].popitem()[1]["fingerprint"] == first

        Keeper(live.hub.paths.data).renew(frozenset(), clock.now)  # another leaf: the same hub
        await live.door.look()
        assert await reach(live, known_hubs=known) == "gotapi-hub"

        Keeper(live.hub.paths.data).renew(frozenset(), clock.now, new_authority=True)
        await live.door.look()
        before = known.read_bytes()
        for _ in range(2):
            with pytest.raises(HubIdentityChanged, match="gotapi tls forget https://localhost"):
                await reach(live, known_hubs=known)
        assert known.read_bytes() == before

        second = live.door.identity.fingerprint
        assert await reach(live, known_hubs=known, pin=second) == "gotapi-hub"  # told so
        assert await reach(live, known_hubs=known) == "gotapi-hub"


async def test_an_impostor_that_shows_the_true_certificate_gets_nothing(
    tls_hub, tmp_path: Path, clock, monkeypatch
) -> None:
    """It can copy ca.crt, which is public, but it has no key that the authority signed."""
    async with tls_hub(home="true") as true:
        genuine, pin = true.door.identity.authority_pem, true.door.identity.fingerprint
    monkeypatch.setattr("gotapi_core.server.certificate.authority_certificate", lambda _: genuine)
    async with tls_hub(home="impostor") as impostor:
        seen: list[str] = []
        asked = impostor.app._rest.answer

        async def spy(scope, *rest) -> None:
            seen.append(scope["path"])
            await asked(scope, *rest)

        impostor.app._rest.answer = spy
        with pytest.raises(HubUntrusted):
            await reach(impostor, pin=pin)
        assert seen == []


async def test_a_pinned_hub_is_known_by_whatever_name_it_is_reached(tls_hub) -> None:
    async with tls_hub(server={"names": ["ip6-localhost"]}) as live:
        pin = live.door.identity.fingerprint
        url = f"https://127.0.0.1:{live.door.port}"
        async with HubClient(url, ORIGIN, "Client", trust=Trust(pin=pin)) as client:
            assert (await client.availability()).product == "gotapi-hub"


async def test_events_go_by_the_same_trust(tls_hub, monkeypatch) -> None:
    async with tls_hub() as live, asyncio.timeout(DEADLINE):
        pin = live.door.identity.fingerprint
        async with client_of(live, pin=pin) as client:
            asking = asyncio.create_task(client.authorize(["servicediscovery"]))
            await live.allow()
            await asking
            socket = await client._channel._open()
            assert socket.transport.get_extra_info("cipher")
            await socket.close()
            client._channel._verifier = client_of(live, pin=pin)._wire.verifier
            client._channel._verifier._pin = OTHER
            with pytest.raises(HubIdentityChanged):
                await client._channel._open()


async def test_nobody_there(tls_hub) -> None:
    async with tls_hub() as live:
        pass
    for trust in ({"pin": OTHER}, {}):
        with pytest.raises(HubUnreachable):
            await reach(live, **trust)


async def test_what_is_no_hub_is_said_to_be_none(tls_hub, monkeypatch) -> None:
    monkeypatch.setattr("gotapi_core.server.certificate.authority_certificate", lambda _: None)
    async with tls_hub() as live:
        with pytest.raises(HubUntrusted, match="it is not a gotapi-hub"):
            await reach(live, pin=OTHER)


HUB = KnownHub(OTHER, "PEM")


def test_the_file_of_known_hubs(tmp_path: Path) -> None:
    known = KnownHubs(tmp_path / "new" / "known.json")
    assert known.get("https://a") is None
    assert known.forget("https://a") is False
    known.add("https://a", HUB)
    known.add("https://b", HUB)
    assert KnownHubs(known.path).get("https://a") == HUB
    assert known.forget("https://a") is True
    assert known.get("https://a") is None
    assert known.get("https://b") == HUB
    assert [one.name for one in known.path.parent.iterdir()] == ["known.json"]


def test_it_does_not_grow_without_end(tmp_path: Path) -> None:
    known = KnownHubs(tmp_path / "known.json")
    for number in range(MAX_HUBS + 1):
        known.add(f"https://hub{number}", HUB)
    assert known.get("https://hub0") is None
    assert known.get(f"https://hub{MAX_HUBS}") == HUB


@pytest.mark.parametrize("damage", [b"", b"[]", b'{"version": 2}', b"{" * 3000, b" " * 300_000])
def test_a_damaged_file_is_never_taken_for_an_empty_one(tmp_path: Path, damage: bytes) -> None:
    known = KnownHubs(tmp_path / "known.json")
    known.path.write_bytes(damage)
    for use in (
        lambda: known.get("https://a"),
        lambda: known.add("https://a", HUB),
        lambda: known.forget("https://a"),
    ):
        with pytest.raises(HubUntrusted, match=r"known\.json is damaged"):
            use()
    assert known.path.read_bytes() == damage


def test_a_file_that_cannot_be_read_or_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "known.json").mkdir()
    with pytest.raises(HubUntrusted, match="cannot be read"):
        KnownHubs(tmp_path / "known.json").get("https://a")
    (tmp_path / "file").write_text("")
    with pytest.raises(HubUntrusted, match=r"cannot be (read|written)"):
        KnownHubs(tmp_path / "file" / "known.json").add("https://a", HUB)


def test_causes_in_a_ring_are_left() -> None:
    one, two = ValueError(), ValueError()
    one.__cause__, two.__cause__ = two, one
    assert verification_failure(one) is None
