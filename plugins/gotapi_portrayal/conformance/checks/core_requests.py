"""Checks of how GetCapabilities is asked for: names, versions, sections, encodings."""

from urllib.parse import quote

from gotapi_core.conformance.model import Skipped, expect
from gotapi_portrayal.conformance.model import ServerChecks
from gotapi_portrayal.conformance.offer import read_offer
from gotapi_portrayal.conformance.reply import Reply
from gotapi_portrayal.conformance.server import Server, document, join
from gotapi_portrayal.conformance.xmlread import children, local

RULES = ServerChecks()

_OWS = "OGC 06-121r9"
_TABLE_9 = ("ServiceIdentification", "ServiceProvider", "OperationsMetadata", "Contents")


@RULES.shall(
    "core-kvp-names",
    f"{_OWS} 11.5.2",
    "names of parameters count in any case",
    "clients write SERVICE, Service and service",
)
async def _(server: Server) -> None:
    for pairs in (
        {"SERVICE": "3DPS", "REQUEST": "GetCapabilities"},
        {"Service": "3DPS", "rEQUEST": "GetCapabilities"},
    ):
        await _same(server, await server.send("GET", server.at(pairs.items())))


@RULES.shall(
    "core-kvp-order",
    f"{_OWS} 11.5.2",
    "parameters come in any order, and empty ones between two & are nothing",
    "the order in a query has no meaning",
)
async def _(server: Server) -> None:
    for query in (
        "request=GetCapabilities&service=3DPS",
        "request=GetCapabilities&service=3DPS&",
        "&service=3DPS&&request=GetCapabilities",
    ):
        await _same(server, await server.send("GET", join(server.url, query)))


@RULES.shall(
    "core-kvp-encoding",
    f"{_OWS} 11.2",
    "percent-encoding is undone in names and values",
    "HTTP libraries encode what they like",
)
async def _(server: Server) -> None:
    name = "".join(f"%{ord(letter):02x}" for letter in "service")
    query = f"{name}=%33%44PS&request=Get%43apabilities"
    await _same(server, await server.send("GET", join(server.url, query)))
    sections = await server.send(
        "GET",
        join(server.url, f"service=3DPS&request=GetCapabilities&sections={quote('Contents,All')}"),
    )
    sections.must_be_good()


@RULES.shall(
    "core-kvp-unknown",
    f"{_OWS} 11.5.2",
    "parameters that the service does not know are ignored",
    "vendors' parameters and cache breakers are sent along",
)
async def _(server: Server) -> None:
    await _same(server, await server.capabilities(conformanceUnknown="1"))


@RULES.shall(
    "core-post-xml",
    f"{_OWS} 7.2.4",
    "GetCapabilities in XML is answered at the address announced for POST",
    "what is announced must work",
)
async def _(server: Server) -> None:
    await _same(server, await server.post("GetCapabilities", document("GetCapabilities", "")))


@RULES.shall(
    "core-accept-versions",
    f"{_OWS} 7.3.2",
    "AcceptVersions takes the first version that both have; empty is as absent",
    "clients of later versions ask so",
)
async def _(server: Server) -> None:
    for versions in ("1.0", "99.0,1.0", ""):
        await _same(server, await server.capabilities(acceptVersions=versions))


@RULES.shall(
    "core-version-negotiation",
    f"{_OWS} 7.3.2",
    "AcceptVersions without a version of the server is VersionNegotiationFailed",
    "a client must not be given what it cannot read",
)
async def _(server: Server) -> None:
    (await server.capabilities(acceptVersions="99.9.9")).must_fail("VersionNegotiationFailed")


@RULES.shall(
    "core-sections",
    "8.2.1, Table 9",
    "Sections chooses which sections the document has",
    "clients that only need one save the rest",
)
async def _(server: Server) -> None:
    whole = {local(one) for one in children((await server.offer()).root)}
    for name in (*_TABLE_9, "PortrayalCapabilities"):
        if name not in whole:
            continue
        reply = await server.capabilities(sections=name)
        found = _sections(reply)
        expect(found == {name}, f"Sections={name} was answered with {sorted(found)}; {reply}")
    reply = await server.capabilities(sections="Contents,ServiceIdentification")
    found = _sections(reply)
    expect(found == {"Contents", "ServiceIdentification"} & whole, f"two were {sorted(found)}")


@RULES.shall(
    "core-sections-all",
    "8.2.1, Table 9",
    "Sections=All, and an empty one, is the complete document",
    "All is the name that the text gives it",
)
async def _(server: Server) -> None:
    whole = {local(one) for one in children((await server.offer()).root)}
    for value in ("All", "All,Contents", ""):
        reply = await server.capabilities(sections=value)
        found = _sections(reply)
        expect(found == whole, f"Sections={value} has {sorted(found)}, not {sorted(whole)}")


@RULES.shall(
    "core-update-sequence",
    f"{_OWS} 7.3.4",
    "UpdateSequence as it is now is answered with a document without content, a past one with all",
    "clients that have the current document need no other",
)
async def _(server: Server) -> None:
    root = (await server.offer()).root
    sequence = root.get("updateSequence")
    if sequence is None:
        raise Skipped("the document has no updateSequence, which is optional")
    reply = (await server.capabilities(updateSequence=sequence)).must_be_good()
    found = _sections(reply)
    expect("Contents" not in found, f"the current UpdateSequence brought {sorted(found)}")
    again = reply.xml().get("updateSequence")
    expect(again == sequence, f"updateSequence is {again!r} there, and {sequence!r} elsewhere")
    if sequence.isdecimal() and int(sequence) > 0:
        older = await server.capabilities(updateSequence=str(int(sequence) - 1))
        whole = {local(one) for one in children(root)}
        found = _sections(older)
        expect(found == whole, f"a past UpdateSequence brought {sorted(found)}; {older}")


@RULES.shall(
    "core-update-sequence-future",
    f"{_OWS} 7.3.4",
    "UpdateSequence higher than the current one is InvalidUpdateSequence",
    "such a client has the document of somebody else",
)
async def _(server: Server) -> None:
    sequence = (await server.offer()).root.get("updateSequence", "")
    if not sequence.isdecimal():
        raise Skipped("updateSequence is no number that could be counted on")
    reply = await server.capabilities(updateSequence=str(int(sequence) + 1_000_000))
    reply.must_fail("InvalidUpdateSequence")


@RULES.sane(
    "core-languages",
    f"{_OWS} 7.3.6",
    "AcceptLanguages that the server does not have does not end the conversation",
    "browsers send what the user has set",
)
async def _(server: Server) -> None:
    for languages in ("*", "xx,*"):
        await _same(server, await server.capabilities(acceptLanguages=languages))


def _sections(reply: Reply) -> set[str]:
    return {local(one) for one in children(reply.must_be_good().xml())}


async def _same(server: Server, reply: Reply) -> None:
    """Expect the document that the plain request has."""
    offer = await server.offer()
    found = read_offer(reply.must_be_good().xml())
    mine = [layer.id for layer in offer.layers], sorted(offer.operations)
    theirs = [layer.id for layer in found.layers], sorted(found.operations)
    expect(theirs == mine, f"the document is another one: {theirs} instead of {mine}; {reply}")
