"""A hub and a client on two machines: two network namespaces joined by a cable (veth)."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

HUB, CLIENT = "10.83.7.1", "10.83.7.2"
PUBLIC = "203.0.113.7"  # RFC 5737: an address as the internet has them
PORT, TLS_PORT = 4035, 4036


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=9)


@dataclass
class Network:
    """The two namespaces."""

    hub: str
    client: str

    def on(self, namespace: str, *words: str) -> list[str]:
        return ["ip", "netns", "exec", namespace, sys.executable, *words]

    def client_runs(self, program: str, *words: str) -> str:
        """Run a program on the client's machine; returns what it printed."""
        done = subprocess.run(
            self.on(self.client, "-c", textwrap.dedent(program), *words),
            capture_output=True, text=True, timeout=20, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces need root and iproute2")
    mark = uuid.uuid4().hex[:6]
    net = Network(f"gotapi-hub-{mark}", f"gotapi-client-{mark}")
    made: list[str] = []
    try:
        try:
            for namespace in (net.hub, net.client):
                ip("netns", "add", namespace)
                made.append(namespace)
            ends = (f"h{mark}", f"c{mark}")
            ip("link", "add", ends[0], "netns", net.hub, "type", "veth",
               "peer", "name", ends[1], "netns", net.client)  # fmt: skip
            for namespace, end, address in (
                (net.hub, ends[0], HUB),
                (net.client, ends[1], CLIENT),
            ):
                ip("-n", namespace, "addr", "add", f"{address}/24", "dev", end)
                ip("-n", namespace, "link", "set", "lo", "up")
                ip("-n", namespace, "link", "set", end, "up")
            ip("-n", net.hub, "addr", "add", f"{PUBLIC}/24", "dev", ends[0])
            ip("-n", net.client, "addr", "add", "203.0.113.8/24", "dev", ends[1])
            subprocess.run(net.on(net.hub, "-c", ""), check=True, capture_output=True, timeout=20)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"network namespaces cannot be used here: {error.stderr.decode()[:200]}")
        yield net
    finally:
        for namespace in made:
            ip("netns", "del", namespace)


class RunningHub:
    """`gotapi run` in the hub's namespace."""

    def __init__(self, network: Network, home: Path, *options: str) -> None:
        words = ["-m", "gotapi_core", "run", "--home", str(home), *options]
        self.home = home
        self.process = subprocess.Popen(
            network.on(network.hub, *words), stdout=subprocess.PIPE, text=True, bufsize=1
        )
        assert self.process.stdout is not None
        self.said = ""
        while "Stop the hub" not in self.said:
            line = self.process.stdout.readline()
            assert line, self.said
            self.said += line
        [key] = re.findall(r"key fingerprint: ([0-9a-f ]+)", self.said) or [""]
        self.key = key.replace(" ", "")

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(15) == 0
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture(scope="module")
def hub(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    running = RunningHub(network, tmp_path_factory.mktemp("lan"), "--tls", "--lan")
    try:
        yield running
    finally:
        running.stop()


REACH = """
    import socket, sys
    for target in sys.argv[1:]:
        host, port = target.rsplit(":", 1)
        try:
            socket.create_connection((host, int(port)), timeout=2).close()
            print(target, "open")
        except ConnectionRefusedError:
            print(target, "closed")
        except OSError as error:
            print(target, error)
"""

ASK = """
    import asyncio, sys
    from pathlib import Path
    from gotapi_core.client import HubClient, Trust

    async def main(url, ca_file, pin):
        trust = Trust(ca_file=Path(ca_file)) if ca_file else Trust(pin=pin)
        async with HubClient(url, "org.example.other", "Other machine", trust=trust) as client:
            print((await client.availability()).product)

    asyncio.run(main(*sys.argv[1:]))
"""

OPERATOR = """
    import http.client, ssl, sys
    host, port, ca_file, *paths = sys.argv[1:]
    for path in paths:
        context = ssl.create_default_context(cafile=ca_file)
        connection = http.client.HTTPSConnection(host, int(port), timeout=5, context=context)
        connection.request("GET", path)
        print(path, connection.getresponse().status)
"""


def test_it_says_where_it_answers(hub: RunningHub) -> None:
    assert f"open to the local network: https://{HUB}:{TLS_PORT}\n" in hub.said
    assert PUBLIC not in hub.said


def test_the_tls_port_is_open_and_the_plain_one_is_not(network: Network, hub: RunningHub) -> None:
    targets = [f"{HUB}:{TLS_PORT}", f"{HUB}:{PORT}", f"{PUBLIC}:{TLS_PORT}", f"{PUBLIC}:{PORT}"]
    told = dict(line.split(" ", 1) for line in network.client_runs(REACH, *targets).splitlines())
    assert told == dict(zip(targets, ["open", "closed", "closed", "closed"], strict=True))


def test_no_other_port_is_open(network: Network, hub: RunningHub) -> None:
    """Every TCP port, from the other machine; a refusal takes microseconds."""
    program = """
        import socket, sys
        for port in range(1, 65536):
            with socket.socket() as one:
                one.settimeout(2)
                if one.connect_ex((sys.argv[1], port)) == 0:
                    print(port)
    """
    assert network.client_runs(program, HUB).split() == [str(TLS_PORT)]


def test_another_machine_uses_it(network: Network, hub: RunningHub) -> None:
    url = f"https://{HUB}:{TLS_PORT}"
    ca_file = str(hub.home / "data" / "tls" / "ca.crt")
    assert network.client_runs(ASK, url, ca_file, "") == "gotapi-hub\n"
    assert network.client_runs(ASK, url, "", hub.key) == "gotapi-hub\n"


def test_another_machine_does_not_get_the_operators_page(network: Network, hub: RunningHub) -> None:
    ca_file = str(hub.home / "data" / "tls" / "ca.crt")
    paths = ("/", "/ca.crt", "/operator", "/operator/api/state", "/operator/login?token=x")
    told = network.client_runs(OPERATOR, HUB, str(TLS_PORT), ca_file, *paths)
    assert told.splitlines() == [
        "/ 200", "/ca.crt 200", "/operator 403", "/operator/api/state 403",
        "/operator/login?token=x 403",
    ]  # fmt: skip


def test_another_machine_discovers_it(network: Network, hub: RunningHub) -> None:
    done = subprocess.run(
        network.on(network.client, "-m", "gotapi_core", "discover", "--json"),
        capture_output=True, text=True, timeout=20, check=True,
    )  # fmt: skip
    [found] = map(json.loads, done.stdout.splitlines())
    assert found["url"] == f"https://{HUB}:{TLS_PORT}"
    assert found["fingerprint"] == hub.key
    assert re.fullmatch(r"gotapi-hub-[0-9a-f]{8}", found["name"])
    assert PUBLIC not in done.stdout
    assert socket.gethostname() not in done.stdout.replace("gotapi-hub", "")


def test_a_hub_without_lan_is_not_there_at_all(network: Network, tmp_path: Path) -> None:
    ports = ("--port", "4135", "--set", "tls.port=4136")
    running = RunningHub(network, tmp_path / "home", "--tls", *ports)
    try:
        told = network.client_runs(REACH, f"{HUB}:4135", f"{HUB}:4136")
        assert told.count("closed") == 2
        assert "local network" not in running.said
    finally:
        running.stop()


def test_listed_addresses_are_the_only_ones(network: Network, tmp_path: Path) -> None:
    ports = ("--port", "4235", "--set", "tls.port=4236")
    elsewhere = ("--set", 'tls.addresses=["10.99.0.1"]')
    running = RunningHub(network, tmp_path / "home", "--tls", "--lan", *ports, *elsewhere)
    try:
        assert "no address on a local network yet" in running.said
        assert "closed" in network.client_runs(REACH, f"{HUB}:4236")
    finally:
        running.stop()
