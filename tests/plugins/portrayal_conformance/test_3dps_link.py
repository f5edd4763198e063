"""HTTP of the checks, and schemas: bounded, nothing followed, nothing fetched from elsewhere."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gotapi_core.conformance import Target
from gotapi_core.conformance.model import Failed
from gotapi_portrayal.conformance import http
from gotapi_portrayal.conformance.http import HttpLink, TooLarge
from gotapi_portrayal.conformance.suite import SUITE

ANSWERS = {
    b"/page": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello",
    b"/away": b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: http://127.0.0.1:1/\r\n\r\n",
    b"/long": b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n" + b"x" * 50,
    b"/cut": b"",
}


@pytest.fixture
async def server() -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server with a few pages; it never answers others."""
    heard: list[bytes] = []
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        heard.append(head)
        answer = ANSWERS.get(head.split(b" ")[1].partition(b"?")[0])
        if answer is None:
            await reader.read()  # until the client has gone
        else:
            writer.write(answer)
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.create_task(serve(reader, writer)))

    listening = await asyncio.start_server(accept, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}", heard
    listening.close()
    await asyncio.gather(*serving)


async def test_an_answer_comes_as_it_is_and_the_token_goes_along(server: Any) -> None:
    url, heard = server
    async with HttpLink(Target(url, "secret", "http://page.example")) as link:
        got = await link.send("GET", f"{url}/page", {"X-Own": "1"}, b"")
        away = await link.send("GET", f"{url}/away", {}, b"")
    assert (got.status, got.headers["x-a"], got.body) == (200, "b", b"hello")
    assert got.asked == f"GET {url}/page"
    assert away.status == 302
    for field in (b"authorization: Bearer secret", b"origin: http://page.example", b"x-own: 1"):
        assert field.lower() in heard[0].lower()


async def test_what_is_too_large_too_slow_or_not_there_is_told(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, _ = server
    monkeypatch.setattr(http, "MAX_BODY", 20)
    monkeypatch.setattr(http, "PATIENCE", 0.2)
    async with HttpLink(Target(url)) as link:
        with pytest.raises(TooLarge, match="larger than"):
            await link.send("GET", f"{url}/long", {}, b"")
        with pytest.raises(Failed, match=r"not answered in 0\.2 s"):
            await link.send("GET", f"{url}/never", {}, b"")
        for broken in (f"{url}/cut", "http://127.0.0.1:1/", "http://[", "gopher://a/"):
            with pytest.raises(Failed, match="no answer"):
                await link.send("GET", broken, {}, b"")


async def test_only_a_service_of_3dps_is_recognised(server: Any) -> None:
    url, _ = server
    assert not await SUITE.recognises(Target(f"{url}/page"))
    assert not await SUITE.recognises(Target("http://127.0.0.1:1/3dps"))
    assert not await SUITE.recognises(Target("https://127.0.0.1:1/3dps"))


XSD = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"
 xmlns:core="http://www.opengis.net/3dps/1.0/core"
 targetNamespace="http://www.opengis.net/3dps/1.0/core">
 {}<xs:element name="{}"><xs:complexType><xs:sequence>
 <xs:any minOccurs="0" maxOccurs="unbounded" processContents="skip"/></xs:sequence>
 <xs:anyAttribute processContents="skip"/></xs:complexType></xs:element></xs:schema>"""
INCLUDE = '<xs:include schemaLocation="more.xsd"/>'


def schemas(make: Any, **files: str) -> Any:
    """Serve these schemas instead of our own."""

    def spoil(asked: Any, reply: Any) -> Any:
        name = asked.url.rpartition("/")[2]
        if "/schemas/" not in asked.url:
            return None
        found = files.get(name.removesuffix(".xsd").replace("3dps-", ""))
        return None if found is None else make.body(found.encode(), "application/xml")(reply)

    return spoil


def test_a_document_that_fits_its_schema_passes(runner: Any, make: Any) -> None:
    alone = schemas(make, core=XSD.format("", "Capabilities"))
    assert runner.reason("core-schema", alone) == ""
    two = schemas(make, core=XSD.format(INCLUDE, "Capabilities"), more=XSD.format("", "Other"))
    assert runner.reason("core-schema", two) == ""


def test_a_document_that_does_not_is_told_with_the_reason(runner: Any, make: Any) -> None:
    other = schemas(make, core=XSD.format("", "Other"))
    assert "by http://good.example/3dps/schemas/3dps-core.xsd" in runner.reason(
        "core-schema", other
    )
    broken = schemas(make, core="<xs:schema")
    assert "cannot be used" in runner.reason("core-schema", broken)
    half = schemas(make, core=XSD.format(INCLUDE, "Capabilities"))
    assert "the declared schema is not there" in runner.reason("core-schema", half)
    large = schemas(make, core=XSD.format("<!--" + "x" * 5_000_000 + "-->", "Capabilities"))
    assert "is larger than 4 MiB" in runner.reason("core-schema", large)
    many = "".join(f'<xs:include schemaLocation="{n}.xsd"/>' for n in range(50))
    files = {str(n): XSD.format("", "Other") for n in range(50)}
    endless = schemas(make, core=XSD.format(many, "Capabilities"), **files)
    assert "more than 40 documents" in runner.reason("core-schema", endless)
