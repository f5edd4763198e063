"""The authority and its certificates, judged by OpenSSL, and the files they live in."""

import os
import ssl
import stat
import subprocess
import threading
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st

from gotapi_core.tls.authority import (
    AUTHORITY_LIFE,
    LEAF_LIFE,
    RENEW_BEFORE,
    Pair,
    fingerprint_of,
    is_due,
    make_authority,
    make_leaf,
    names_of,
    read_pair,
)
from gotapi_core.tls.context import server_context
from gotapi_core.tls.failures import TlsError
from gotapi_core.tls.keeper import Keeper

DAY = 86400.0
NOW = datetime(2027, 3, 1, tzinfo=UTC).timestamp()
NAMES = frozenset({"localhost", "127.0.0.1", "::1", "pi.local", "192.168.1.9", "fd00::9"})
AUTHORITY = make_authority(NOW, "gotapi-hub-00000000")


def judge(authority: Pair, leaf: Pair, *options: str, at: float = NOW) -> str:
    """Return what OpenSSL says of a certificate; an empty text where it has nothing to say."""
    with_files = []
    for name, pair in (("ca", authority), ("leaf", leaf)):
        read, write = os.pipe()
        os.write(write, pair.certificate_pem())
        os.close(write)
        with_files.append((name, read))
    (_, ca), (_, server) = with_files
    done = subprocess.run(
        ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-attime", str(int(at)),
         *options, "-CAfile", f"/dev/fd/{ca}", f"/dev/fd/{server}"],
        capture_output=True,
        text=True,
        pass_fds=(ca, server),
        check=False,
    )  # fmt: skip
    os.close(ca)
    os.close(server)
    return "" if done.returncode == 0 else done.stderr


def signed_by_hand(*names: x509.GeneralName, common: str = "x", ca: bool = False) -> Pair:
    """Return a certificate for names that `make_leaf` would never be asked for."""
    made = make_leaf(AUTHORITY, NAMES, NOW)
    builder = x509.CertificateBuilder(
        issuer_name=AUTHORITY.certificate.subject,
        subject_name=x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common)]),
        public_key=made.key.public_key(),
        serial_number=7,
        not_valid_before=made.certificate.not_valid_before_utc,
        not_valid_after=made.certificate.not_valid_after_utc,
    )
    for extension in made.certificate.extensions:
        value, critical = extension.value, extension.critical
        if isinstance(value, x509.SubjectAlternativeName):
            value = x509.SubjectAlternativeName(names)
        builder = builder.add_extension(value, critical)
    return Pair(builder.sign(AUTHORITY.key, hashes.SHA256()), made.key)


def test_a_server_certificate_is_good_for_its_names() -> None:
    leaf = make_leaf(AUTHORITY, NAMES, NOW)
    assert judge(AUTHORITY, leaf) == ""
    assert names_of(leaf.certificate) == NAMES
    for name in ("localhost", "pi.local"):
        assert judge(AUTHORITY, leaf, "-verify_hostname", name) == ""
    for address in ("127.0.0.1", "::1", "192.168.1.9", "fd00::9"):
        assert judge(AUTHORITY, leaf, "-verify_ip", address) == ""


def test_it_is_good_for_nothing_else() -> None:
    leaf = make_leaf(AUTHORITY, NAMES, NOW)
    assert "hostname mismatch" in judge(AUTHORITY, leaf, "-verify_hostname", "example.com")
    assert "IP address mismatch" in judge(AUTHORITY, leaf, "-verify_ip", "192.168.1.10")
    [usage] = [
        one.value
        for one in leaf.certificate.extensions
        if isinstance(one.value, x509.ExtendedKeyUsage)
    ]
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]


@pytest.mark.parametrize(
    "name",
    [
        x509.DNSName("example.com"),
        x509.DNSName("www.bank.example"),
        x509.DNSName("local.example.com"),
        x509.DNSName("notlocalhost"),
        x509.IPAddress(ip_address("8.8.8.8")),
        x509.IPAddress(ip_address("172.32.0.1")),
        x509.IPAddress(ip_address("2001:db8::1")),
    ],
    ids=lambda name: str(name.value),
)
def test_the_authority_cannot_sign_for_the_internet(name: x509.GeneralName) -> None:
    assert "permitted subtree violation" in judge(AUTHORITY, signed_by_hand(name))
    both = signed_by_hand(x509.DNSName("pi.local"), name)
    assert "permitted subtree violation" in judge(AUTHORITY, both)


def test_a_common_name_does_not_go_round_the_constraints() -> None:
    sly = signed_by_hand(x509.IPAddress(ip_address("10.0.0.1")),
                         common="www.example.com")  # fmt: skip
    assert judge(AUTHORITY, sly, "-verify_hostname", "www.example.com") != ""


def test_a_server_cannot_sign_for_others() -> None:
    leaf = make_leaf(AUTHORITY, NAMES, NOW)
    below = make_leaf(Pair(leaf.certificate, leaf.key), NAMES, NOW)
    assert judge(leaf, below, "-partial_chain") != ""
    assert AUTHORITY.certificate.extensions.get_extension_for_class(
        x509.BasicConstraints
    ).value == x509.BasicConstraints(ca=True, path_length=0)


def test_no_certificate_names_the_machine_or_its_user() -> None:
    leaf = make_leaf(AUTHORITY, NAMES, NOW)
    assert leaf.certificate.subject.rfc4514_string() == "CN=gotapi-hub"
    name = AUTHORITY.certificate.subject.rfc4514_string()
    assert name == "CN=gotapi-hub-00000000 certificate authority"


def test_lives() -> None:
    leaf = make_leaf(AUTHORITY, NAMES, NOW).certificate
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc == LEAF_LIFE <= timedelta(days=397)
    authority = AUTHORITY.certificate
    assert authority.not_valid_after_utc - authority.not_valid_before_utc == AUTHORITY_LIFE


def test_a_leaf_is_renewed_before_it_ends() -> None:
    leaf = make_leaf(AUTHORITY, NAMES, NOW)
    end = leaf.certificate.not_valid_after_utc.timestamp()
    renewal = end - RENEW_BEFORE.total_seconds()
    assert not is_due(leaf, AUTHORITY, NAMES, NOW)
    assert not is_due(leaf, AUTHORITY, NAMES, renewal - 1)
    assert is_due(leaf, AUTHORITY, NAMES, renewal)
    assert is_due(leaf, AUTHORITY, NAMES, end + DAY)


def test_a_leaf_is_renewed_when_something_else_is_changed() -> None:
    leaf = make_leaf(AUTHORITY, NAMES, NOW)
    assert is_due(leaf, AUTHORITY, NAMES | {"10.0.0.3"}, NOW)
    assert is_due(leaf, AUTHORITY, NAMES - {"fd00::9"}, NOW)
    assert is_due(leaf, make_authority(NOW, "gotapi-hub-00000000"), NAMES, NOW)
    assert is_due(leaf, make_authority(NOW, "gotapi-hub-11111111"), NAMES, NOW)
    other = make_leaf(AUTHORITY, NAMES, NOW)
    assert is_due(Pair(leaf.certificate, other.key), AUTHORITY, NAMES, NOW)


def test_a_clock_that_jumped_ahead_and_came_back() -> None:
    ahead = make_leaf(AUTHORITY, NAMES, NOW + 300 * DAY)
    assert is_due(ahead, AUTHORITY, NAMES, NOW)  # or nobody could use it for 300 days
    assert judge(AUTHORITY, make_leaf(AUTHORITY, NAMES, NOW)) == ""


def test_a_clock_that_begins_in_1970_does_not_make_certificates_over_and_over() -> None:
    authority = make_authority(0.0, "gotapi-hub-00000000")
    leaf = make_leaf(authority, NAMES, 0.0)
    assert not is_due(leaf, authority, NAMES, 60.0)
    later = make_leaf(authority, NAMES, NOW)  # once the clock is right
    assert is_due(leaf, authority, NAMES, NOW)
    assert judge(authority, later) == ""
    assert not is_due(make_leaf(AUTHORITY, NAMES, NOW), AUTHORITY, NAMES, 60.0)


def test_an_authority_that_ended_says_what_to_do() -> None:
    end = AUTHORITY.certificate.not_valid_after_utc.timestamp()
    last = make_leaf(AUTHORITY, NAMES, end - DAY)
    assert last.certificate.not_valid_after_utc <= AUTHORITY.certificate.not_valid_after_utc
    with pytest.raises(TlsError, match="gotapi tls renew --new-authority"):
        make_leaf(AUTHORITY, NAMES, end)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_keys_are_their_owners_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        keeper = Keeper(tmp_path)
        keeper.ensure(NAMES, NOW)
    finally:
        os.umask(before)
    assert mode(keeper.folder) == 0o700
    holding = [one for one in keeper.folder.iterdir() if b"PRIVATE KEY" in one.read_bytes()]
    assert {one.name for one in holding} == {"authority.pem", "server.pem"}
    assert {mode(one) for one in holding} == {0o600}
    assert b"PRIVATE" not in keeper.certificate_file.read_bytes()
    assert {one.name for one in keeper.folder.iterdir()} == {
        "authority.pem", "server.pem", "ca.crt", "instance", "lock",
    }  # fmt: skip


def test_everything_is_kept(tmp_path: Path) -> None:
    first = Keeper(tmp_path).ensure(NAMES, NOW)
    assert Keeper(tmp_path).ensure(NAMES, NOW + DAY) == first
    assert Keeper(tmp_path).instance() == Keeper(tmp_path).instance()
    assert Keeper(tmp_path).names() == NAMES


def test_a_renewal_keeps_the_authority(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    first = keeper.ensure(NAMES, NOW)
    moved = keeper.ensure(NAMES | {"10.9.9.9"}, NOW)
    later = keeper.ensure(NAMES, NOW + 80 * DAY)
    by_hand = keeper.renew(frozenset({"localhost"}), NOW + 80 * DAY)
    all_four = (first, moved, later, by_hand)
    assert len({one.serial for one in all_four}) == 4
    assert len({one.fingerprint for one in all_four}) == 1
    assert moved.names == NAMES | {"10.9.9.9"}
    assert by_hand.names == NAMES  # what the running hub is called, not what the command thinks
    assert later.ends > first.ends


def test_a_new_authority_is_another_key(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    first = keeper.renew(frozenset({"localhost"}), NOW)
    assert first.names == {"localhost"}
    second = keeper.renew(NAMES, NOW, new_authority=True)
    assert second.fingerprint != first.fingerprint
    assert keeper.certificate_file.read_bytes() == second.authority_pem
    assert keeper.ensure(second.names, NOW) == second
    server_context(keeper.server_file)


def test_the_fingerprint_is_that_of_the_authoritys_key(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    identity = keeper.ensure(NAMES, NOW)
    shell = (
        "openssl x509 -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst -sha256 -r"
    )
    done = subprocess.run(
        ["sh", "-c", shell], input=identity.authority_pem, capture_output=True, check=True
    )
    assert done.stdout.decode().split()[0] == identity.fingerprint
    assert fingerprint_of(
        read_pair((keeper.folder / "authority.pem").read_bytes()).certificate
    ) == (identity.fingerprint)


def test_a_damaged_server_certificate_is_made_anew(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    first = keeper.ensure(NAMES, NOW)
    for damage in (b"", b"nonsense", keeper.server_file.read_bytes()[:300]):
        keeper.server_file.write_bytes(damage)
        again = keeper.ensure(NAMES, NOW)
        assert again.fingerprint == first.fingerprint
        server_context(keeper.server_file)


def test_a_damaged_authority_is_not_replaced_behind_anyones_back(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    keeper.ensure(NAMES, NOW)
    (keeper.folder / "authority.pem").write_bytes(b"nonsense")
    with pytest.raises(TlsError, match="--new-authority"):
        keeper.ensure(NAMES, NOW)
    assert keeper.renew(NAMES, NOW, new_authority=True).names == NAMES


def test_a_lost_copy_of_the_certificate_is_put_back(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    identity = keeper.ensure(NAMES, NOW)
    keeper.certificate_file.unlink()
    keeper.ensure(NAMES, NOW)
    assert keeper.certificate_file.read_bytes() == identity.authority_pem


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "tls").write_text("a file")
    with pytest.raises(TlsError, match="tls"):
        Keeper(tmp_path).ensure(NAMES, NOW)


def test_two_that_start_at_once_make_one_authority(tmp_path: Path) -> None:
    found: list[str] = []
    starts = [
        threading.Thread(
            target=lambda: found.append(Keeper(tmp_path).ensure(NAMES, NOW).fingerprint)
        )
        for _ in range(8)
    ]
    for one in starts:
        one.start()
    for one in starts:
        one.join(10)
    assert len(found) == 8
    assert len(set(found)) == 1


def test_a_file_that_is_no_certificate_is_refused_by_name(tmp_path: Path) -> None:
    wrong = tmp_path / "server.pem"
    wrong.write_text("nonsense")
    with pytest.raises(TlsError, match=r"server\.pem"):
        server_context(wrong)


def test_old_tls_and_weak_ciphers_are_not_spoken(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    keeper.ensure(NAMES, NOW)
    context = server_context(keeper.server_file)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    for cipher in context.get_ciphers():
        assert cipher["aead"], cipher["name"]
        assert cipher["protocol"] == "TLSv1.3" or cipher["name"].startswith("ECDHE-")


def shake_hands(client: ssl.SSLContext, server: ssl.SSLContext) -> str | None:
    """Shake hands in memory; returns the version, raises ssl.SSLError."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname="localhost"),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    waiting = set(ends)
    for _ in range(10):
        for end in list(waiting):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.discard(end)
    assert not waiting
    return ends[0].version()


def test_an_old_client_is_refused_for_its_age_alone(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    keeper.ensure(NAMES, time.time())
    old = ssl.create_default_context(cafile=str(keeper.certificate_file))
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = ssl.TLSVersion.TLSv1_1
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    server = server_context(keeper.server_file)
    with pytest.raises(ssl.SSLError, match=r"UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION"):
        shake_hands(old, server)
    server.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        server.minimum_version = ssl.TLSVersion.TLSv1_1
    assert shake_hands(old, server) == "TLSv1.1"


@settings(max_examples=50)
@given(st.binary())
def test_no_content_breaks_the_reading_of_a_pair(content: bytes) -> None:
    with pytest.raises((ValueError, TypeError)):
        read_pair(content)
