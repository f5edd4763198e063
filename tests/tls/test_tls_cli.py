"""`gotapi tls`, `gotapi run --tls`, and https hubs on the command line."""

import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gotapi_core.cli import main
from gotapi_core.protocol.fingerprint import grouped, parse_fingerprint
from gotapi_core.testing.process import HubProcess
from gotapi_core.tls.keeper import Keeper
from gotapi_core.tls.qr import svg_code, svg_data_uri, terminal_code, trust_link


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOTAPI_HOME", str(tmp_path / "user"))


def gotapi(*words: str, text: str = "") -> Result:
    return CliRunner().invoke(main, words, input=text)


def fingerprint_in(output: str) -> str:
    found = re.search(r"SHA-256\): ([0-9a-f ]+)", output)
    assert found, output
    return parse_fingerprint(found[1])


def test_show_makes_the_keys_and_shows_them(tmp_path: Path) -> None:
    shown = gotapi("tls", "show")
    assert shown.exit_code == 0, shown.output
    keeper = Keeper(tmp_path / "user" / "data")
    assert keeper.exists
    assert str(keeper.certificate_file) in shown.output
    key = fingerprint_in(shown.output)
    assert f"https://localhost:4036/ca.crt#sha256={key}" in shown.output
    assert "█▀" in shown.output
    assert fingerprint_in(gotapi("tls", "show").output) == key


def test_export_writes_the_certificate_and_no_key(tmp_path: Path) -> None:
    out = tmp_path / "ca.pem"
    assert gotapi("tls", "export", str(out)).exit_code == 0
    assert out.read_bytes() == Keeper(tmp_path / "user" / "data").certificate_file.read_bytes()
    assert "BEGIN CERTIFICATE" in gotapi("tls", "export", "-").output
    wrong = gotapi("tls", "export", str(tmp_path / "no" / "ca.pem"))
    assert wrong.exit_code == 1
    assert "cannot be written" in wrong.output


def test_renew_keeps_the_key_unless_told_otherwise() -> None:
    first = fingerprint_in(gotapi("tls", "show").output)
    assert fingerprint_in(gotapi("tls", "renew").output) == first
    refused = gotapi("tls", "renew", "--new-authority", text="n\n")
    assert refused.exit_code == 1
    assert fingerprint_in(gotapi("tls", "show").output) == first
    assert fingerprint_in(gotapi("tls", "renew", "--new-authority", "--yes").output) != first


def test_damaged_keys_are_an_error_with_advice(tmp_path: Path) -> None:
    gotapi("tls", "show")
    (tmp_path / "user" / "data" / "tls" / "authority.pem").write_text("nonsense")
    for words in (["show"], ["export", "-"], ["renew"]):
        failed = gotapi("tls", *words)
        assert failed.exit_code == 1
        assert "--new-authority" in failed.output
    assert gotapi("tls", "renew", "--new-authority", "--yes").exit_code == 0


def test_forget() -> None:
    assert "No key was known" in gotapi("tls", "forget", "https://hub.local:4036").output
    assert gotapi("tls", "forget", "nonsense").exit_code == 1


def test_the_codes_say_the_link() -> None:
    link = trust_link("fd00::2", 4036, "ab" * 32)
    assert link == f"https://[fd00::2]:4036/ca.crt#sha256={'ab' * 32}"
    assert svg_code(link).startswith(b"<svg")
    assert svg_data_uri(link).startswith("data:image/svg+xml;base64,")
    assert terminal_code(link).count("\n") > 15


def run_refused(*words: str) -> str:
    done = gotapi("run", "--port", "0", *words)
    assert done.exit_code == 78, done.output
    return done.output


def test_lan_without_tls_is_refused() -> None:
    assert "gotapi run --tls --lan" in run_refused("--lan")
    assert "tls.enabled" in run_refused("--set", "tls.lan=true")


def test_the_demo_is_never_on_the_network() -> None:
    assert "--demo answers on this machine only" in run_refused("--demo", "--tls", "--lan")
    given = ("--demo", "--set", "tls.enabled=true", "--set", "tls.lan=true")
    assert "--demo answers on this machine only" in run_refused(*given)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "0.0.0.0", "::", "127.0.0.1", "hub.local", "fe80::1"]
)
def test_only_addresses_of_local_networks_can_be_listed(address: str) -> None:
    wish = f'tls.addresses=["{address}"]'
    assert repr(address) in run_refused("--tls", "--lan", "--set", wish)


def test_damaged_keys_stop_the_start(tmp_path: Path) -> None:
    gotapi("tls", "show")
    (tmp_path / "user" / "data" / "tls" / "authority.pem").write_text("nonsense")
    assert "authority.pem is damaged" in run_refused("--tls", "--set", "tls.port=0")


@pytest.fixture
def hub(tmp_path: Path):
    """A hub with TLS, in a process of its own; `.tls` is its https address."""
    home = tmp_path / "hub"
    words = [sys.executable, "-m", "gotapi_core", "run", "--home", str(home), "--port", "0"]
    process = subprocess.Popen(
        [*words, "--tls", "--set", "tls.port=0"], stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert process.stdout is not None
    said = ""
    while "Stop the hub" not in said:
        line = process.stdout.readline()
        assert line, said
        said += line
    handle = HubProcess(home)
    handle.url = re.findall(r"ready at (\S+)", said)[0]
    handle.tls = re.findall(r"TLS: (\S+)", said)[0]
    handle.said = said
    try:
        yield handle
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        process.stdout.close()


def services(hub, *words: str) -> Result:
    import threading

    approving = threading.Thread(target=hub.approve_next, daemon=True)
    approving.start()
    return gotapi("services", "--url", hub.tls, *words)


def test_the_command_line_uses_an_https_hub(hub, tmp_path: Path) -> None:
    key = fingerprint_in(gotapi("tls", "show", "--home", str(hub.home)).output)
    assert grouped(key) in hub.said

    stranger = gotapi("services", "--url", hub.tls)
    assert stranger.exit_code == 1
    assert "first contact" in stranger.output
    assert grouped(key) in stranger.output

    used = services(hub, "--fingerprint", grouped(key))
    assert used.exit_code == 0, used.output
    again = gotapi("services", "--url", hub.tls)  # it is known now
    assert again.exit_code == 0, again.output
    known = tmp_path / "user" / "known_hubs.json"
    assert stat.S_IMODE(known.stat().st_mode) == 0o600

    wrong = gotapi("services", "--url", hub.tls, "--fingerprint", "ab" * 32)
    assert wrong.exit_code == 1
    assert "another key" in wrong.output

    ca_file = hub.home / "data" / "tls" / "ca.crt"
    assert gotapi("services", "--url", hub.tls, "--ca", str(ca_file)).exit_code == 0

    assert "Forgotten" in gotapi("tls", "forget", hub.tls).output
    assert "first contact" in gotapi("services", "--url", hub.tls).output


def test_a_fingerprint_that_is_none_is_a_wrong_use() -> None:
    wrong = gotapi("services", "--url", "https://localhost:1", "--fingerprint", "abc")
    assert wrong.exit_code == 2
    assert "64 hexadecimal digits" in wrong.output


def test_the_operator_page_shows_the_key(hub) -> None:
    key = fingerprint_in(gotapi("tls", "show", "--home", str(hub.home)).output)
    shown = hub.operator("GET", "tls")
    assert shown["enabled"] is True
    assert shown["lan"] is False
    assert parse_fingerprint(shown["fingerprint"]) == key
    assert shown["link"].endswith(f"/ca.crt#sha256={key}")
    assert shown["qr"].startswith("data:image/svg+xml;base64,")


def test_without_tls_the_start_pays_nothing_for_it() -> None:
    program = (
        "import sys, gotapi_core.cli.run, gotapi_core.server.serve\n"
        "heavy = {'cryptography', 'segno', 'zeroconf', 'ifaddr'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)\n"
    )
    begun = time.monotonic()
    subprocess.run([sys.executable, "-c", program], check=True, timeout=9)
    assert time.monotonic() - begun < 9


def test_discover_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = gotapi("discover", "--seconds", "0.1", "--interface", "127.0.0.1", "--json")
    assert nobody.exit_code == 0
    failed = gotapi("discover", "--seconds", "0.1", "--interface", "10.255.255.1")
    assert failed.exit_code == 1
    assert "Multicast DNS does not work here" in failed.output
