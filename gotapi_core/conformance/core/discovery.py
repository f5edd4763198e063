"""Service discovery, service information and system."""

from gotapi_core.conformance.answer import Answer
from gotapi_core.conformance.model import (
    BOTH,
    DEVICE_CONNECT,
    SDK,
    THREE_DP,
    CheckList,
    Failed,
    Level,
    expect,
)
from gotapi_core.conformance.subject import Subject, service_id
from gotapi_core.protocol.errors import Lineage

RULES = CheckList()
check = RULES.check


@check(
    "discovery",
    Level.BRONZE,
    BOTH,
    "GET servicediscovery answers an array services",
    "it is how applications find devices",
)
async def _(subject: Subject) -> None:
    await subject.services(own=True)


@check(
    "discovery-members",
    Level.BRONZE,
    BOTH,
    "each service has an id, a name, online (true or false) and an array of scopes",
    "both clients read them",
)
async def _(subject: Subject) -> None:
    for one in await subject.services():
        service_id(one)
        scopes = one.get("scopes")
        fits = (
            isinstance(one.get("name"), str)
            and isinstance(one.get("online"), bool)
            and isinstance(scopes, list)
            and all(isinstance(scope, str) for scope in scopes)
        )
        expect(fits, f"a service has other members: {one}")


@check(
    "discovery-both-ids",
    Level.SILVER,
    BOTH,
    "each service has its id as serviceId and as id",
    "gotapi-client.js reads the one, the DeviceConnect SDK the other",
)
async def _(subject: Subject) -> None:
    for one in await subject.services():
        expect(
            one.get("serviceId") == one.get("id") and one.get("id") is not None,
            f"serviceId is {one.get('serviceId')!r} and id is {one.get('id')!r}",
        )


@check(
    "discovery-needs-token",
    Level.BRONZE,
    BOTH,
    "servicediscovery without a token is error 13",
    "it starts the authorization of the DeviceConnect SDK, and nobody may look without approval",
)
async def _(subject: Subject) -> None:
    for lineage in Lineage:
        (await subject.ask("GET", "servicediscovery", lineage=lineage)).must_be(13)


@check(
    "discovery-unknown-token",
    Level.BRONZE,
    BOTH,
    "servicediscovery with an unknown token is error 11 to 15",
    "both clients then ask for a new one",
)
async def _(subject: Subject) -> None:
    query = {"accessToken": "conformance-unknown"}
    for lineage in Lineage:
        answer = await subject.ask("GET", "servicediscovery", query, lineage=lineage)
        answer.must_be(11, 12, 13, 14, 15)


@check(
    "information",
    Level.SILVER,
    SDK,
    "GET serviceinformation answers supports, an array of profile names",
    "discoverDevicesFromProfile of the SDK needs it",
)
async def _(subject: Subject) -> None:
    supports = (await _information(subject)).listed("supports")
    expect(all(isinstance(one, str) for one in supports), f"supports is {supports}")


@check(
    "information-connect",
    Level.GOLD,
    "DeviceConnect-Spec",
    "serviceinformation tells connect: wifi, bluetooth, ble and nfc as true or false",
    "applications show how a device is connected",
)
async def _(subject: Subject) -> None:
    answer = await _information(subject)
    connect = answer.members.get("connect")
    names = ("wifi", "bluetooth", "ble", "nfc")
    fits = isinstance(connect, dict) and all(isinstance(connect.get(one), bool) for one in names)
    expect(fits, f"connect is {connect!r}")


@check(
    "information-apis",
    Level.GOLD,
    "DeviceConnect-Spec",
    "serviceinformation has supportApis: a Swagger 2.0 document for each profile",
    "an application learns from it what it may ask",
)
async def _(subject: Subject) -> None:
    answer = await _information(subject)
    documents = answer.members.get("supportApis")
    if not isinstance(documents, dict) or not documents:
        raise Failed(f"supportApis must be an object with documents in {answer}")
    for profile, document in documents.items():
        fits = (
            isinstance(document, dict)
            and document.get("swagger") == "2.0"
            and isinstance(document.get("paths"), dict)
        )
        expect(fits, f"the document of {profile} is no Swagger 2.0")


@check(
    "information-needs-service",
    Level.SILVER,
    BOTH,
    "serviceinformation without serviceId is error 5, with an unknown one error 6",
    "the application must learn which of the two it is",
)
async def _(subject: Subject) -> None:
    (await subject.call("GET", "serviceinformation")).must_be(5)
    unknown = {"serviceId": "conformance-unknown"}
    (await subject.call("GET", "serviceinformation", unknown)).must_be(6)


@check(
    "service-id-spelling",
    Level.SILVER,
    f"{THREE_DP}, example URIs",
    "serviceID is understood as serviceId",
    "the specification prints the one in its URIs, all clients send the other",
)
async def _(subject: Subject) -> None:
    query = {"serviceID": await subject.service()}
    (await subject.call("GET", "serviceinformation", query)).must_be_good()


@check(
    "system",
    Level.SILVER,
    DEVICE_CONNECT,
    "GET system answers an array plugins, each with id and name",
    "getSystemDeviceInfo of the SDK, and other clients of the Manager, read it",
)
async def _(subject: Subject) -> None:
    for one in (await subject.call("GET", "system")).must_be_good().listed("plugins"):
        fits = isinstance(one, dict) and all(isinstance(one.get(x), str) for x in ("id", "name"))
        expect(fits, f"plugins holds {one!r}")


@check(
    "one-shot",
    Level.BRONZE,
    BOTH,
    "a one-shot GET of a service answers result 0 and the serviceId that was asked",
    "it is what hubs are for",
)
async def _(subject: Subject) -> None:
    asked, answer = await subject.one_shot()
    expect(answer.members.get("serviceId") == asked.service_id, f"serviceId is missing in {answer}")


async def _information(subject: Subject) -> Answer:
    query = {"serviceId": await subject.service()}
    return (await subject.call("GET", "serviceinformation", query)).must_be_good()
