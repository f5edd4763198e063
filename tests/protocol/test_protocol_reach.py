"""What may be called local: names and addresses that a hub's authority signs for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_core.protocol.reach import (
    NETWORKS,
    host_label,
    in_url,
    lan_address,
    local_address,
    local_name,
)


@pytest.mark.parametrize(
    "text",
    ["10.0.0.1", "172.31.255.254", "192.168.1.20", "169.254.7.7", "fd00::2", "fc00::1"],
)
def test_addresses_of_local_networks(text: str) -> None:
    assert str(lan_address(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "8.8.8.8", "172.32.0.1", "192.169.0.1", "100.64.0.1", "192.0.2.2", "0.0.0.0",
        "2001:db8::1", "::", "::ffff:10.0.0.1", "fe80::1", "127.0.0.1", "::1", "", "hub", "10.1",
        "10.0.0.1/8", "224.0.0.251",
    ],
)  # fmt: skip
def test_what_is_no_address_of_a_local_network(text: str) -> None:
    assert lan_address(text) is None


def test_this_machine_is_local_without_being_on_a_network() -> None:
    for text in ("127.0.0.1", "127.8.8.8", "::1", "fe80::1"):
        assert str(local_address(text)) == text
        assert lan_address(text) is None


@given(st.ip_addresses())
def test_only_the_networks_signed_for_are_local(address) -> None:
    inside = any(address in network for network in NETWORKS)
    assert (local_address(str(address)) is not None) == inside


@given(st.text())
def test_no_text_breaks_the_parsers(text: str) -> None:
    for parse in (local_address, lan_address, local_name, host_label):
        parse(text)
    assert in_url(text)[:1] != "[" or ":" in text or text.startswith("[")


@pytest.mark.parametrize(
    "text", ["localhost", "LocalHost.", "hub.local", "a.b.local", "x.localhost"]
)
def test_local_names(text: str) -> None:
    assert local_name(text) == text.lower().removesuffix(".")


@pytest.mark.parametrize(
    "text",
    [
        "", ".local", "example.com", "local.example.com", "notlocal", "hub.local.example",
        "-a.local", "a_b.local", "a..local", "hub.local:4036", "*.local", f"{'a' * 64}.local",
        f"{'a.' * 125}local", "hüb.local", "[::1]",
    ],
)  # fmt: skip
def test_names_that_are_not_local(text: str) -> None:
    assert local_name(text) is None


def test_the_label_of_a_machine() -> None:
    assert host_label("Workshop.lan") == "workshop"
    assert host_label("pi") == "pi"
    for text in ("", "localhost", "my_machine", "-x", "x" * 64, "ütf"):
        assert host_label(text) is None


def test_hosts_in_urls() -> None:
    assert in_url("fd00:0::2") == "[fd00::2]"
    assert in_url("10.0.0.1") == "10.0.0.1"
    assert in_url("hub.local") == "hub.local"
