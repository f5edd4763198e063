"""Manifests: what is read from one, and what each wrong member is answered with."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_core.plugin.manifest import (
    HUB_PROFILES,
    Demo,
    Manifest,
    ManifestError,
    Rights,
    parse_manifest,
    valid_id,
)

GOOD = """
id = "lamp"
name = "Lamps"
version = "1.2"
module = "acme.lamp"
"""


def test_four_members_are_enough() -> None:
    assert parse_manifest(GOOD.encode()) == Manifest(
        id="lamp", name="Lamps", version="1.2", module="acme.lamp"
    )


def test_everything_can_be_said() -> None:
    text = (
        GOOD
        + """
api = 1
description = "Lamps of all kinds"
profiles = ["light", "scene"]
aliases = { lights = "light" }
surfaces = ["/lamps", "/lamps/v2"]
commands = ["lamp"]
conformance = "acme.lamp.checks"
[rights]
serial = true
bluetooth = true
network = ["lamp.local"]
folders = ["~/lamps"]
[demo]
command = ["sim-lamp", "{run}/lamp"]
[demo.settings]
lamps = [{ path = "{run}/lamp" }]
"""
    )
    assert parse_manifest(text.encode()) == Manifest(
        id="lamp",
        name="Lamps",
        version="1.2",
        module="acme.lamp",
        description="Lamps of all kinds",
        profiles=("light", "scene"),
        aliases={"lights": "light"},
        surfaces=("/lamps", "/lamps/v2"),
        commands=("lamp",),
        conformance="acme.lamp.checks",
        rights=Rights(True, True, ("lamp.local",), ("~/lamps",)),
        demo=Demo(("sim-lamp", "{run}/lamp"), {"lamps": [{"path": "{run}/lamp"}]}),
    )


WRONG = {
    "id = 5": "Expected `str`, got `int` - at `$.id`",
    'id = "Lamp"': "id 'Lamp' must be 1 to 40 lower-case letters, digits and inner hyphens",
    'id = "../x"': "id '../x' must be",
    'id = ""': "id '' must be",
    "name = 5": "at `$.name`",
    'name = " "': "name and version must not be empty",
    "version = 1.2": "Expected `str`, got `float` - at `$.version`",
    'version = ""': "name and version must not be empty",
    "module = []": "at `$.module`",
    'module = "a b"': "module 'a b' is not a Python module name",
    'module = "a..b"': "module 'a..b' is not a Python module name",
    'api = "1"': "at `$.api`",
    "api = 2": "was written for plug-in API 2, this hub has 1; install a version of the plug-in",
    "description = 1": "at `$.description`",
    'profiles = "light"': "at `$.profiles`",
    "profiles = [1]": "at `$.profiles[0]`",
    'profiles = ["Light"]': "profile 'Light' must be lower case, without spaces and slashes",
    'profiles = ["a/b"]': "profile 'a/b' must be lower case",
    'profiles = [""]': "profile '' must be lower case",
    'profiles = ["system"]': "profile 'system' belongs to the hub; choose another",
    'aliases = ["a"]': "at `$.aliases`",
    'aliases = { a = "light" }': "alias 'a' must be lower case and stand for one of the profiles",
    'profiles = ["light"]\naliases = { Lights = "light" }': "alias 'Lights' must be lower case",
    "surfaces = 1": "at `$.surfaces`",
    'surfaces = ["lamps"]': "surface 'lamps' must be a path like '/3dps'",
    'surfaces = ["/"]': "surface '/' must be a path like '/3dps'",
    'surfaces = ["/lamps/"]': "surface '/lamps/' must be a path like '/3dps'",
    'surfaces = ["/gotapi/x"]': "surface '/gotapi/x' belongs to the hub",
    'surfaces = ["/Operator"]': "surface '/Operator' belongs to the hub",
    'surfaces = ["/blobs"]': "surface '/blobs' belongs to the hub",
    "commands = [1]": "at `$.commands[0]`",
    "conformance = 1": "at `$.conformance`",
    'conformance = "os"': "conformance 'os' must be a module in the package 'acme.lamp'",
    'conformance = "acme.lamp.a b"': "conformance 'acme.lamp.a b' must be a module in the package",
    "rights = 1": "at `$.rights`",
    'rights = { serial = "yes" }': "at `$.rights.serial`",
    "rights = { bluetooth = 1 }": "at `$.rights.bluetooth`",
    'rights = { network = "a" }': "at `$.rights.network`",
    'rights = { folders = "a" }': "at `$.rights.folders`",
    "rights = { root = true }": "unknown field `root` - at `$.rights`",
    'demo = { command = "x" }': "at `$.demo.command`",
    "demo = { settings = [] }": "at `$.demo.settings`",
    "demo = { more = 1 }": "unknown field `more`",
    "demo.settings.x = " + "[" * 40 + "]" * 40: "demo.settings is nested deeper than 32 levels",
    "colour = 1": "Object contains unknown field `colour`",
    "id = ": "gotapi-plugin.toml is not TOML",
    "x = " + "[" * 30_000: "gotapi-plugin.toml is not TOML",
    "# " + "x" * 70_000: "gotapi-plugin.toml is larger than 65536 bytes",
}


@pytest.mark.parametrize(("line", "message"), WRONG.items(), ids=lambda text: text[:30])
def test_a_wrong_member_is_named(line: str, message: str) -> None:
    member = line.partition(" ")[0]
    kept = [one for one in GOOD.splitlines() if one.partition(" ")[0] != member]
    with pytest.raises(ManifestError) as caught:
        parse_manifest("\n".join([*kept, line]).encode())
    assert message in str(caught.value)


@pytest.mark.parametrize("member", ["id", "name", "version", "module"])
def test_a_missing_member_is_named(member: str) -> None:
    kept = [line for line in GOOD.splitlines() if not line.startswith(member)]
    with pytest.raises(ManifestError, match=f"missing required field `{member}`"):
        parse_manifest("\n".join(kept).encode())


def test_text_that_is_no_utf8_is_refused() -> None:
    with pytest.raises(ManifestError, match="is not TOML"):
        parse_manifest(b"id = '\xff'")


@pytest.mark.parametrize("profile", sorted(HUB_PROFILES))
def test_no_plugin_can_claim_a_profile_of_the_hub(profile: str) -> None:
    with pytest.raises(ManifestError, match="belongs to the hub"):
        parse_manifest((GOOD + f'profiles = ["{profile}"]').encode())


def test_the_hubs_profiles_are_those_its_server_answers() -> None:
    from gotapi_core.server import endpoints

    assert set(endpoints.OWN_ROUTES.profiles()) <= HUB_PROFILES


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_read_or_refused(text: bytes) -> None:
    try:
        manifest = parse_manifest(text)
    except ManifestError as error:
        manifest, refusal = None, str(error)
    assert valid_id(manifest.id) if manifest else "gotapi-plugin.toml" in refusal


@given(st.text(alphabet="ab-9A.\n", max_size=45))
def test_an_id_never_divides_a_service_id_or_a_path(text: str) -> None:
    if valid_id(text):
        assert not set(text) & set("./\n")
        assert text == text.lower()
        assert 1 <= len(text) <= 40
        assert text.strip("-") == text
