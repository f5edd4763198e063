"""The hub's listening sockets: both loopback addresses, exclusively, and who holds them if not."""

import errno
import os
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

BACKLOG = 512


class PortTaken(Exception):  # noqa: N818  # reads as what happened
    """Another program listens on the port; the message names it where the system tells."""


def listen(host: str, port: int) -> list[socket.socket]:
    """Return listening sockets; `localhost` means 127.0.0.1 and ::1 on the same port.

    Port 0 lets the system choose one. Raises PortTaken, or OSError where the address is not this
    machine's.
    """
    return listen_at(("127.0.0.1", "::1") if host == "localhost" else (host,), port)


def listen_at(
    addresses: Sequence[str], port: int, other: str = "gotapi run --port 4135"
) -> list[socket.socket]:
    """Return sockets that listen on one port of the addresses; all but the first may be missing.

    Raises as `listen`; `other` is the command that chooses another port.
    """
    sockets: list[socket.socket] = []
    try:
        for address in addresses:
            chosen = sockets[0].getsockname()[1] if sockets else port
            bound = _bind(address, chosen, other, optional=bool(sockets))
            if bound is not None:
                sockets.append(bound)
    except BaseException:
        for one in sockets:
            one.close()
        raise
    return sockets


def _bind(address: str, port: int, other: str, *, optional: bool) -> socket.socket | None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        # asyncio sets TCP_NODELAY only where the protocol is said; without it every answer of two
        # writes takes 40 ms on a connection that is kept alive.
        bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except OSError:
        if optional:
            return None  # no IPv6 in this system
        raise
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind((address, port))
        bound.listen(BACKLOG)
        bound.setblocking(False)
    except OSError as error:
        bound.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(_taken(address, port, other)) from error
        if optional and error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
            return None
        raise
    return bound


def _taken(address: str, port: int, other: str) -> str:
    holder = next(_holders(port), None) or "another program"
    return (
        f"Port {port} of {address} is taken by {holder}. Stop it, or choose another port: {other}"
    )


def _holders(port: int) -> Iterator[str]:
    """Yield `name (pid n)` of each process that listens on a TCP port; needs Linux' /proc."""
    inodes = {
        fields[9]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for fields in _rows(table)
        if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port  # 0A: listening
    }
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for process in Path("/proc").glob("[0-9]*"):
        if wanted and _holds(process, wanted):
            yield f"{_name(process)} (pid {process.name})"


def _rows(table: str) -> list[list[str]]:
    try:
        return [line.split() for line in Path(table).read_text().splitlines()[1:]]
    except OSError:
        return []


def _holds(process: Path, wanted: set[str]) -> bool:
    try:
        return any(os.readlink(fd) in wanted for fd in (process / "fd").iterdir())
    except OSError:
        return False  # it ended, or belongs to another user


def _name(process: Path) -> str:
    try:
        words = (process / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return "a process"
    text = " ".join(word.decode(errors="replace") for word in words if word)
    return text[:120] or "a process"
