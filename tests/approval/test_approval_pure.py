"""Rights and approvals as values: what they say, and what counts as a change."""

from __future__ import annotations

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_core.host.approval import Approval, Subject, approval_of, differences
from gotapi_core.plugin.manifest import ManifestError, parse_manifest
from gotapi_core.plugin.rights import Rights, beyond, check_rights, words

SUBJECT = Subject(
    version="1.0",
    runs="lamp",
    distribution="gotapi-lamp 1.0",
    rights=Rights(),
    digest="d1",
    files={"a.py": "1", "b.py": "2"},
)
APPROVAL = approval_of(SUBJECT, 7.0, most_files=10)


@pytest.mark.parametrize(
    ("rights", "said"),
    [
        (Rights(), ()),
        (Rights(serial=True), ("serial ports: all",)),
        (Rights(serial=("/dev/a", "/dev/b*")), ("serial ports: /dev/a, /dev/b*",)),
        (Rights(bluetooth=True), ("Bluetooth",)),
        (Rights(network=("a.local", "b:80")), ("network: a.local, b:80",)),
        (Rights(network=("a.local", "*")), ("network: any host",)),
        (Rights(folders=("~/x",)), ("folders to read: ~/x",)),
        (Rights(calls=("3dp", "light")), ("for applications that may: 3dp, light",)),
    ],
)
def test_rights_in_words(rights: Rights, said: tuple[str, ...]) -> None:
    assert words(rights) == said


@pytest.mark.parametrize(
    ("old", "new", "more"),
    [
        (Rights(), Rights(serial=True), Rights(serial=True)),
        (Rights(serial=True), Rights(serial=("/dev/a",)), Rights()),
        (Rights(serial=("/dev/a",)), Rights(serial=True), Rights(serial=True)),
        (
            Rights(serial=("/dev/a",)),
            Rights(serial=("/dev/a", "/dev/b")),
            Rights(serial=("/dev/b",)),
        ),
        (Rights(network=("a",)), Rights(network=("b", "a")), Rights(network=("b",))),
        (Rights(folders=("~/x",)), Rights(folders=("/y",)), Rights(folders=("/y",))),
        (Rights(bluetooth=True), Rights(), Rights()),
        (Rights(calls=("3dp",)), Rights(calls=("3dp", "light")), Rights(calls=("light",))),
        (Rights(), Rights(bluetooth=True), Rights(bluetooth=True)),
    ],
)
def test_what_is_wanted_beyond(old: Rights, new: Rights, more: Rights) -> None:
    assert words(beyond(old, new)) == words(more)


@pytest.mark.parametrize(
    "rights",
    [
        Rights(serial=("ttyUSB0",)),
        Rights(serial=("/dev/../etc/shadow",)),
        Rights(serial=("/",)),
        Rights(serial=("/dev/tty\x1b[2J",)),
        Rights(calls=("3DP",)),
        Rights(calls=("",)),
        Rights(calls=("a/b",)),
        Rights(calls=("a",) * 33),
        Rights(network=("http://a",)),
        Rights(network=("a/b",)),
        Rights(network=("",)),
        Rights(network=("A",)),
        Rights(network=("a" * 201,)),
        Rights(folders=("models",)),
        Rights(folders=("~",)),
        Rights(folders=("/srv/*",)),
        Rights(folders=("~/../other",)),
        Rights(folders=tuple(f"/srv/{n}" for n in range(33))),
    ],
)
def test_rights_that_cannot_be_are_refused(rights: Rights) -> None:
    with pytest.raises(ValueError, match="rights"):
        check_rights(rights)


@pytest.mark.parametrize(
    "rights",
    [
        Rights(),
        Rights(True, True, ("*",), ("~/models", "/srv/models")),
        Rights(("/dev/ttyACM*", "/dev/serial/by-id/*")),
        Rights(network=("lamp.local", "*.lamp.local", "10.0.0.1:80", "[fe80::1]", "[::1]:80")),
    ],
)
def test_rights_that_can_be(rights: Rights) -> None:
    check_rights(rights)


def test_the_manifest_says_which_right_is_wrong() -> None:
    text = b'id="l"\nname="L"\nversion="1"\nmodule="l"\n[rights]\nserial=["COM"]'
    with pytest.raises(ManifestError, match=r"rights\.serial: 'COM' must be a path"):
        parse_manifest(text)


RIGHTS = st.builds(
    Rights,
    serial=st.booleans() | st.lists(st.text(), max_size=3).map(tuple),
    bluetooth=st.booleans(),
    network=st.lists(st.text(), max_size=3).map(tuple),
    folders=st.lists(st.text(), max_size=3).map(tuple),
)


@given(RIGHTS, RIGHTS)
def test_what_goes_beyond_is_never_less_than_what_is_new(old: Rights, new: Rights) -> None:
    assert not words(beyond(new, new))
    more = beyond(old, new)
    assert set(more.network) == set(new.network) - set(old.network)
    assert set(more.folders) == set(new.folders) - set(old.folders)
    if more.serial is False and old.serial is not True:
        assert new.serial is False
    assert words(beyond(Rights(), new)) == words(new)


@given(RIGHTS)
def test_the_check_answers_whatever_it_gets(rights: Rights) -> None:
    with contextlib.suppress(ValueError):
        check_rights(rights)
        assert all(line.isprintable() for line in words(rights))  # they are shown in a terminal


def test_what_was_approved_is_no_difference() -> None:
    assert differences(APPROVAL, SUBJECT) == ()
    assert APPROVAL.approved == 7.0
    stored = msgspec.json.decode(msgspec.json.encode(APPROVAL), type=Approval)
    assert differences(stored, SUBJECT) == ()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"version": "1.1"}, "version 1.0 → 1.1"),
        ({"distribution": ""}, "package gotapi-lamp 1.0 → none"),
        ({"runs": "node x.js"}, "it runs lamp → node x.js"),
        ({"rights": Rights(serial=True)}, "now also wants serial ports: all"),
        ({"digest": "d2"}, "its files changed"),
        ({"digest": "d2", "files": {"a.py": "9", "b.py": "2"}}, "1 file changed"),
        ({"digest": "d2", "files": {"a.py": "9", "b.py": "8"}}, "2 files changed"),
        ({"digest": "d2", "files": {"b.py": "2"}}, "1 file gone"),
        (
            {"digest": "d2", "files": {"a.py": "9", "c.py": "1", "d.py": "1"}},
            "1 file changed, 2 new, 1 gone",
        ),
    ],
)
def test_every_change_has_its_words(changed: dict[str, object], said: str) -> None:
    assert differences(APPROVAL, msgspec.structs.replace(SUBJECT, **changed)) == (said,)


def test_fewer_rights_are_no_difference_by_themselves() -> None:
    wide = msgspec.structs.replace(SUBJECT, rights=Rights(serial=True))
    assert differences(approval_of(wide, 0.0, most_files=10), SUBJECT) == ()


def test_of_too_many_files_only_the_whole_hash_is_kept() -> None:
    approval = approval_of(SUBJECT, 0.0, most_files=1)
    assert approval.files is None
    assert differences(approval, SUBJECT) == ()
    other = msgspec.structs.replace(SUBJECT, digest="d2", files={})
    assert differences(approval, other) == ("its files changed",)
