"""Check of the metadata document against the schema that it declares itself (Annex A.2)."""

import re
from typing import Final
from urllib.parse import urljoin, urlsplit

from lxml import etree

from gotapi_core.conformance.model import Failed, Skipped, expect
from gotapi_portrayal.conformance.model import ServerChecks
from gotapi_portrayal.conformance.server import Server

RULES = ServerChecks()

_XSI: Final = "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation"
_MOST: Final = 40  # documents of a schema
_BYTES: Final = 4 * 1024 * 1024  # of one of them
_LOCATION: Final = re.compile(rb"schemaLocation\s*=\s*[\"']([^\"']+)[\"']")


@RULES.annex(
    "core-schema",
    2,
    "the document is valid by the schema that its schemaLocation declares",
    "clients that generate code from the schema can read nothing else",
)
async def _(server: Server) -> None:
    root = (await server.offer()).root
    words = root.get(_XSI, "").split()
    places = dict(zip(words[::2], words[1::2], strict=False))
    namespace = etree.QName(root).namespace or ""
    if namespace not in places:
        raise Skipped(f"the document declares no schema for {namespace}")
    first = urljoin(server.url, places[namespace])
    schemas = await _fetch(server, first)
    try:
        schema = _compiled(first, schemas)
    except (etree.XMLSchemaParseError, etree.XMLSyntaxError) as error:
        raise Failed(f"the schema at {first} cannot be used: {error}") from None
    try:
        schema.assertValid(root.getroottree())
    except etree.DocumentInvalid as error:
        raise Failed(f"by {first}: {error}") from None


async def _fetch(server: Server, first: str) -> dict[str, bytes]:
    """Return a schema and all it refers to; raises Skipped where some of it lies elsewhere."""
    found: dict[str, bytes] = {}
    waiting = [first]
    while waiting:
        url = waiting.pop()
        if url in found:
            continue
        if urlsplit(url).netloc != urlsplit(server.url).netloc:
            raise Skipped(f"{url} lies on another server; nothing is fetched from there")
        expect(len(found) < _MOST, f"the schema has more than {_MOST} documents")
        reply = await server.send("GET", url)
        expect(reply.status == 200, f"the declared schema is not there: {reply}")
        expect(len(reply.body) <= _BYTES, f"{url} is larger than {_BYTES >> 20} MiB")
        found[url] = reply.body
        waiting += [urljoin(url, one.decode()) for one in _LOCATION.findall(reply.body)]
    return found


def _compiled(first: str, schemas: dict[str, bytes]) -> etree.XMLSchema:
    class Resolver(etree.Resolver):
        def resolve(self, *asked: object) -> object:
            body = schemas.get(str(asked[0]))
            # What is not among them is not fetched either: the parser has no network.
            return (
                None
                if body is None
                else self.resolve_string(body, asked[2], base_url=str(asked[0]))
            )

    parser = etree.XMLParser(no_network=True, load_dtd=False, resolve_entities=False)
    parser.resolvers.add(Resolver())
    return etree.XMLSchema(etree.fromstring(schemas[first], parser, base_url=first))
