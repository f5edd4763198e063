"""What the hub hands to plug-ins: serial ports, hosts and folders that were approved."""

from __future__ import annotations

import logging
from pathlib import Path
from unittest.mock import Mock

import httpx2
import pytest

from gotapi_core.plugin import Context, Rights
from gotapi_core.plugin.reach import Http, NotApproved, Serial


@pytest.mark.parametrize(
    ("pattern", "path", "allowed"),
    [
        ("*", "/dev/ttyUSB0", True),
        ("/dev/ttyUSB*", "/dev/ttyUSB0", True),
        ("/dev/ttyUSB*", "/dev/ttyACM0", False),
        ("/dev/*", "/dev/pts/1", False),
        ("/dev/ttyUSB*", "/dev/ttyUSB0/../sda", False),
        ("/dev/ttyUSB*", "/dev/../dev/ttyUSB0", True),
        ("/dev/ttyUSB0", "ttyUSB0", False),
    ],
)
def test_ports_by_their_patterns(pattern: str, path: str, allowed: bool) -> None:
    serial = Serial((pattern,))
    assert serial.allows(path) is allowed
    if not allowed:
        with pytest.raises(NotApproved, match="was not approved"):
            serial.open(path)


def test_a_port_that_was_approved_is_listed_and_opened(tmp_path: Path) -> None:
    (tmp_path / "ttyX").touch()
    serial = Serial((f"{tmp_path}/tty*",))
    assert serial.ports() == [f"{tmp_path}/ttyX"]
    with pytest.raises(
        OSError, match="Could not configure port"
    ):  # it is no serial port, but it was tried
        serial.open(f"{tmp_path}/ttyX")
    assert Serial(()).ports() == []


@pytest.mark.parametrize(
    ("host", "name", "port", "allowed"),
    [
        ("*", "anything.example", 80, True),
        ("lamp.local", "lamp.local", 80, True),
        ("lamp.local", "LAMP.local.", 8080, True),
        ("lamp.local", "evil.lamp.local", 80, False),
        ("lamp.local", "lamp.local.evil.example", 80, False),
        ("lamp.local:80", "lamp.local", 80, True),
        ("lamp.local:80", "lamp.local", 81, False),
        ("*.lamp.local", "a.lamp.local", 80, True),
        ("*.lamp.local", "lamp.local", 80, False),
        ("*.lamp.local", "evillamp.local", 80, False),
        ("[::1]", "::1", 80, True),
        ("[::1]:80", "::1", 81, False),
    ],
)
def test_hosts_by_their_names(host: str, name: str, port: int, allowed: bool) -> None:
    assert Http((host,)).allows(name, port) is allowed


async def test_a_host_that_was_not_approved_is_not_asked() -> None:
    async with Http(("lamp.local",)).client() as client:
        with pytest.raises(NotApproved, match=r"host 127\.0\.0\.1:9 was not approved"):
            await client.get("http://127.0.0.1:9/")


async def test_nor_is_one_that_an_approved_host_redirects_to() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(302, headers={"location": "http://other.example/"})

    async with Http(("lamp.local",)).client(follow_redirects=True) as client:
        client._transport = httpx2.MockTransport(answer)
        with pytest.raises(NotApproved, match=r"other\.example:80"):
            await client.get("http://lamp.local/")


def test_a_context_has_only_what_was_approved(tmp_path: Path) -> None:
    def made(**rights: object) -> Context:
        return Context(
            plugin_id="lamp",
            settings=None,
            folder=tmp_path,
            log=logging.getLogger("test"),
            blobs=Mock(),
            collection=Mock(),
            spawn=Mock(),
            **rights,
        )

    nothing = made()
    assert (nothing.serial.patterns, nothing.http.hosts, nothing.folders) == ((), (), ())
    assert not nothing.bluetooth
    some = made(rights=Rights(("/dev/a",), True, ("lamp.local",), ("~/x", "/y")))
    assert some.serial.patterns == ("/dev/a",)
    assert some.http.hosts == ("lamp.local",)
    assert some.folders == (Path.home() / "x", Path("/y"))
    assert some.bluetooth
