"""The table of BLE serial services, and what devices say of themselves."""

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_printer.ble_profiles import (
    INFORMATION,
    MAX_TEXT,
    NAMES,
    PROFILES,
    SYSTEM_ID,
    advertised,
    fitting,
    information,
    is_address,
    short,
)
from gotapi_printer.link import LinkFacts
from gotapi_printer.model import PortSettings


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_each_profile_is_found_by_its_characteristics_and_its_service(profile):
    assert fitting([profile.write.upper(), profile.notify]).write == profile.write
    assert fitting([profile.write, profile.notify], profile.name) is profile
    assert advertised(["other", profile.service.upper()]) is profile
    for uuid in (profile.service, profile.write, profile.notify):
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", uuid)


def test_half_a_profile_or_another_one_does_not_fit():
    nus, hm10 = PROFILES[0], PROFILES[1]
    assert fitting([nus.write]) is None
    assert fitting([nus.write, nus.notify], "hm10") is None
    assert fitting([hm10.write, nus.write, nus.notify], "hm10") is hm10
    assert fitting([]) is None
    assert advertised([short(0x180A)]) is None


def test_the_settings_know_every_profile():
    for name in NAMES:
        assert PortSettings(ble="C0:FF:EE:00:00:01", profile=name).profile == name


def test_addresses():
    assert is_address("c0:ff:ee:00:00:01")
    assert is_address("A8C0FFEE-0000-1111-2222-333344445555")
    for text in ("", "C0:FF:EE:00:00", "C0-FF-EE-00-00-01", "/dev/ttyUSB0", "C0:FF:EE:00:00:0G"):
        assert not is_address(text)


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ({}, "either `path`"),
        ({"path": "/dev/ttyUSB0", "ble": "C0:FF:EE:00:00:01"}, "either `path`"),
        ({"ble": "Fake printer"}, "an address such as"),
    ],
)
def test_settings_that_name_no_one_place(table, why):
    with pytest.raises(msgspec.ValidationError, match=why):
        msgspec.convert(table, PortSettings)


def test_device_information():
    values = {
        short(0x2A29): b"Maker\0\0",
        short(0x2A25): b" 42\n",
        short(0x2A24): b"x" * 500,
        SYSTEM_ID: b"\x01\x02",
        short(0x2A00): b"name",
    }
    assert information(values) == {
        "manufacturer": "Maker",
        "serial_number": "42",
        "product": "x" * MAX_TEXT,
        "system_id": "0201",
    }


@given(st.dictionaries(st.sampled_from(INFORMATION), st.binary(max_size=600)))
def test_any_bytes_become_printable_members_of_the_facts(values):
    facts = msgspec.structs.replace(LinkFacts("x"), **information(values))
    assert "".join(information(values).values()).isprintable()
    assert facts.name == "x"
