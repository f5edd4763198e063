"""Small real content servers on this machine, good and bad ones."""

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Writer = asyncio.StreamWriter
Behaviour = Callable[["Asked", Writer], Awaitable[None]]


@dataclass
class Asked:
    """One request as a server saw it."""

    method: str
    path: str
    headers: dict[str, str]


@dataclass
class Server:
    """A server on this machine; `answers` says what it does by path."""

    url: str = ""
    answers: dict[str, Behaviour] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, path, _ = head[0].split(" ")
            pairs = [line.partition(":") for line in head[1:] if line]
            asked = Asked(method, path, {name.lower(): value.strip() for name, _, value in pairs})
            self.asked.append(asked)
            await self.answers.get(path.partition("?")[0], reply(b"", 404))(asked, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()


def reply(body: bytes, status: int = 200, **headers: str) -> Behaviour:
    async def behave(_: Asked, writer: Writer) -> None:
        fields = {"content-length": str(len(body)), "connection": "close", **headers}
        lines = [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
        writer.write(f"HTTP/1.1 {status} X\r\n".encode())
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)

    return behave


def redirect(target: str, status: int = 302) -> Behaviour:
    return reply(b"", status, location=target)


def endless(piece: bytes = b"G1 X1\n" * 1000) -> Behaviour:
    async def behave(_: Asked, writer: Writer) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
        while True:
            writer.write(piece)
            await writer.drain()

    return behave


def silent(after: bytes = b"") -> Behaviour:
    async def behave(_: Asked, writer: Writer) -> None:
        writer.write(after)
        await writer.drain()
        await asyncio.Event().wait()

    return behave


def raw(data: bytes) -> Behaviour:
    async def behave(_: Asked, writer: Writer) -> None:
        writer.write(data)

    return behave


def trickle(seconds: float) -> Behaviour:
    """A byte now and then: never idle for long, never at its end."""

    async def behave(_: Asked, writer: Writer) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
        while True:
            writer.write(b";")
            await writer.drain()
            await asyncio.sleep(seconds)

    return behave


@asynccontextmanager
async def running(server: Server, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    tasks: set[asyncio.Task[Any]] = set()

    async def handle(reader: asyncio.StreamReader, writer: Writer) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await server.serve(reader, writer)
        except asyncio.CancelledError:
            return  # the test is over; streams log a handler that was cancelled
        finally:
            tasks.discard(task)

    listening = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    port = listening.sockets[0].getsockname()[1]
    server.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    try:
        yield server
    finally:
        listening.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Authority:
    """Signs certificates for this machine, as an operator's own authority would."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.ca_file = folder / f"{name}.pem"
        certificate = self._sign(self._name, self._key.public_key(), authority=True)
        self.ca_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def context(self, address: str = "127.0.0.1", *, days: int = 1) -> ssl.SSLContext:
        """A server's context with a certificate for an address."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
        certificate = self._sign(name, key.public_key(), address=address, days=days)
        pem = self.folder / f"server-{address}-{days}.pem"
        pem.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        return context

    def _sign(
        self,
        name: x509.Name,
        key: ec.EllipticCurvePublicKey,
        *,
        authority: bool = False,
        address: str = "",
        days: int = 1,
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        begin = now - datetime.timedelta(days=10)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if address:
            names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self._key, hashes.SHA256())


class Make:
    """What tests build servers of, without importing this file."""

    Server = Server
    Authority = Authority
    reply = staticmethod(reply)
    redirect = staticmethod(redirect)
    endless = staticmethod(endless)
    silent = staticmethod(silent)
    raw = staticmethod(raw)
    trickle = staticmethod(trickle)


@pytest.fixture
def make() -> type[Make]:
    return Make


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Awaitable[Server]]]:
    """Run a server until the end of the test: `await serve({"/path": behaviour})`."""
    async with AsyncExitStack() as stack:

        async def start(answers: dict[str, Behaviour], tls: ssl.SSLContext | None = None) -> Server:
            server = Server(answers=dict(answers))
            return await stack.enter_async_context(running(server, tls))

        yield start
