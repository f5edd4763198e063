"""Settings: the file, what is laid over it, and what each wrong member is answered with."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_core.host.supervisor import CallLimits
from gotapi_core.settings import (
    ConsentSettings,
    ServerSettings,
    Settings,
    SettingsError,
    convert_plugin_settings,
    convert_settings,
    is_loopback,
    load_settings,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "gotapi.toml"


def test_without_a_file_every_setting_has_its_default(file: Path) -> None:
    assert load_settings(file) == Settings()


def test_an_empty_file_is_complete(file: Path) -> None:
    file.touch()
    assert load_settings(file) == Settings()


def test_the_defaults_themselves_would_be_accepted() -> None:
    assert convert_settings(msgspec.to_builtins(Settings()), source="defaults") == Settings()


def test_a_file_sets_what_it_names(file: Path) -> None:
    file.write_text(
        '[server]\nhost = "127.0.0.1"\nport = 0\nnames = ["box.local"]\n'
        "[consent]\nwait = 5\n[limits]\ncall = 0.5\nin_flight = 2\n"
        '[plugins.printer]\nports = [{ path = "/dev/ttyUSB0" }]\n'
    )
    assert load_settings(file) == Settings(
        server=ServerSettings(host="127.0.0.1", port=0, names=("box.local",)),
        consent=ConsentSettings(wait=5.0),
        limits=CallLimits(call=0.5, in_flight=2),
        plugins={"printer": {"ports": [{"path": "/dev/ttyUSB0"}]}},
    )


def _members() -> list[tuple[str, type]]:
    """Every setting as section.name, from the structs themselves."""
    found = []
    for section in msgspec.structs.fields(Settings):
        if section.name in ("plugins", "plugin_host"):
            continue
        found += [
            (f"{section.name}.{one.name}", one.type) for one in msgspec.structs.fields(section.type)
        ]
    return found


@pytest.mark.parametrize("member", [name for name, _ in _members()])
def test_a_wrong_type_is_answered_with_the_name_of_the_setting(member: str) -> None:
    section, _, name = member.partition(".")
    with pytest.raises(SettingsError) as caught:
        convert_settings({section: {name: {"wrong": 1}}}, source="my.toml")
    assert str(caught.value).startswith(f"my.toml: {member}: Expected ")


NUMBERS = [name for name, _ in _members() if name not in ("server.host", "server.names")]


@pytest.mark.parametrize("value", [-1, float("nan"), 10**12, float("inf")])
@pytest.mark.parametrize("member", NUMBERS)
def test_a_number_out_of_bounds_is_answered_with_its_bound(member: str, value: float) -> None:
    section, _, name = member.partition(".")
    kind = msgspec.inspect.type_info(dict(_members())[member])
    if value == 10**12 and isinstance(kind, msgspec.inspect.IntType) and kind.le is None:
        assert convert_settings({section: {name: value}}, source="s")  # as much as there is
        return
    with pytest.raises(SettingsError) as caught:
        convert_settings({section: {name: value}}, source="my.toml")
    assert str(caught.value).startswith(f"my.toml: {member}: Expected ")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"server": {"prot": 1}}, "s: there is no setting 'server.prot'"),
        ({"servers": {}}, "s: there is no setting 'servers'"),
        ({"server": 5}, "s: server: Expected object, got int"),
        ({"server": {"port": 65536}}, "s: server.port: Expected int <= 65535"),
        ({"server": {"names": [1]}}, "s: server.names[0]: Expected str, got int"),
        ({"plugins": {"printer": 5}}, "s: plugins[...]: Expected object, got int"),
        ({"plugins": []}, "s: plugins: Expected object, got array"),
    ],
)
def test_what_is_wrong_is_named_first(table: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        convert_settings(table, source="s")
    assert str(caught.value) == message


def test_settings_that_do_not_go_together_are_refused_with_their_source() -> None:
    with pytest.raises(SettingsError, match=r"^s: tls\.lan needs tls\.enabled"):
        convert_settings({"tls": {"lan": True}}, source="s")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1"])
def test_loopback_hosts_are_taken(host: str) -> None:
    assert is_loopback(host)
    assert convert_settings({"server": {"host": host}}, source="s").server.host == host


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "192.168.1.5", "example.org", "", "localhost.evil.example", "127.1"]
)
def test_other_hosts_are_refused_with_what_to_use(host: str) -> None:
    assert not is_loopback(host)
    with pytest.raises(SettingsError, match=r"use localhost, 127\.0\.0\.1 or ::1"):
        convert_settings({"server": {"host": host}}, source="s")


# The file.


@pytest.mark.parametrize(
    "text", [b"server = [", b"\xff", b"a = 1\na = 2", b"x = " + b"[" * 30_000], ids=repr
)
def test_a_file_that_is_no_toml_is_named(file: Path, text: bytes) -> None:
    file.write_bytes(text)
    with pytest.raises(SettingsError) as caught:
        load_settings(file)
    assert str(caught.value).startswith(f"{file} is not TOML: ")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        load_settings(tmp_path)


def test_a_wrong_setting_in_a_file_names_the_file(file: Path) -> None:
    file.write_text("[server]\nport = 'x'")
    with pytest.raises(SettingsError) as caught:
        load_settings(file)
    assert str(caught.value) == f"{file}: server.port: Expected int, got str"


# --set.


@pytest.mark.parametrize(
    ("text", "section", "name", "value"),
    [
        ("server.port=4135", "server", "port", 4135),
        (" server . port = 4135 ", "server", "port", 4135),
        ('server.host="::1"', "server", "host", "::1"),
        ("server.host=localhost", "server", "host", "localhost"),
        ("server.names=['a', 'b']", "server", "names", ("a", "b")),
        ("consent.wait=2", "consent", "wait", 2.0),
        ("limits.call=1.5", "limits", "call", 1.5),
    ],
)
def test_set_lays_a_value_over(file: Path, text: str, section: str, name: str, value: object):
    settings = load_settings(file, [text])
    assert getattr(getattr(settings, section), name) == value


def test_set_wins_over_the_file_and_the_last_over_the_first(file: Path) -> None:
    file.write_text("[server]\nport = 1\nsockets = 5\n")
    settings = load_settings(file, ["server.port=2", "server.port=3"])
    assert (settings.server.port, settings.server.sockets) == (3, 5)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("plugins.printer.ports=[{path = '/dev/x'}]", [{"path": "/dev/x"}]),
        ("plugins.printer.ports=true", True),
        ("plugins.printer.ports=", ""),
        ("plugins.printer.ports=a=b", "a=b"),
        ("plugins.printer.ports=" + "[" * 30_000, "[" * 30_000),
    ],
    ids=lambda text: str(text)[:40],
)
def test_set_reaches_into_plugins(file: Path, text: str, value: object) -> None:
    assert load_settings(file, [text]).plugins == {"printer": {"ports": value}}


@pytest.mark.parametrize("text", ["", "server.port", "=5", "server.=5", ".port=5", "a..b=1"])
def test_set_without_a_name_or_value_says_how_it_is_written(file: Path, text: str) -> None:
    with pytest.raises(SettingsError, match=r"--set takes section\.name=value, not"):
        load_settings(file, [text])


def test_set_cannot_reach_into_a_value(file: Path) -> None:
    with pytest.raises(SettingsError, match=r"server\.port\.x=1: 'port' is a value, not a section"):
        load_settings(file, ["server.port=1", "server.port.x=1"])


def test_set_with_a_wrong_value_names_the_setting(file: Path) -> None:
    with pytest.raises(SettingsError, match=r"server\.port: Expected int, got str"):
        load_settings(file, ["server.port=many"])


@given(st.text(max_size=50))
def test_any_text_for_set_is_taken_or_refused(text: str) -> None:
    try:
        settings = load_settings(Path("/nonexistent/gotapi.toml"), [text])
    except SettingsError as error:
        settings, refusal = None, str(error)
    assert isinstance(settings, Settings) or refusal


# Plug-ins.


class LampSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    path: str
    count: int = 1


def _with(**section: object) -> Settings:
    return Settings(plugins={"lamp": section})


def test_a_section_becomes_the_plugins_own_type() -> None:
    got = convert_plugin_settings(_with(path="/dev/x"), "lamp", LampSettings)
    assert got == LampSettings(path="/dev/x")


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({}, "[plugins.lamp]: the setting 'path' is missing"),
        ({"path": 1}, "[plugins.lamp]: path: Expected str, got int"),
        ({"path": "x", "more": 1}, "[plugins.lamp]: there is no setting 'more'"),
    ],
)
def test_a_section_that_does_not_fit_is_named(section: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        convert_plugin_settings(_with(**section), "lamp", LampSettings)
    assert str(caught.value) == message


def test_a_plugin_without_settings_takes_none() -> None:
    assert convert_plugin_settings(Settings(), "lamp", None) is None
    with pytest.raises(SettingsError, match=r"'lamp' has no settings, but \['count'\] is set"):
        convert_plugin_settings(_with(count=1), "lamp", None)
