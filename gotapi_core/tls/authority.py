"""Makes the hub's certificates: an authority for this install, and what it signs.

All keys are P-256 (FIPS 186-4), which every browser and phone takes. Times are seconds since 1970.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gotapi_core.protocol.fingerprint import fingerprint
from gotapi_core.protocol.reach import DOMAINS, NETWORKS, Address, local_address
from gotapi_core.tls.failures import TlsError

AUTHORITY_LIFE: Final = timedelta(days=3650)
LEAF_LIFE: Final = timedelta(days=90)  # 397 days is the most that browsers accept anywhere
RENEW_BEFORE: Final = timedelta(days=30)
SKEW: Final = timedelta(days=1)  # clocks of the network's machines may be behind
# A machine without a clock battery begins in 1970; what it signed then would be over today.
_FLOOR: Final = datetime(2026, 1, 1, tzinfo=UTC)

PrivateKey = ec.EllipticCurvePrivateKey


class Pair:
    """A certificate with its private key."""

    __slots__ = ("certificate", "key")

    def __init__(self, certificate: x509.Certificate, key: PrivateKey) -> None:
        self.certificate = certificate
        self.key = key

    def certificate_pem(self) -> bytes:
        """Return the certificate in PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def key_pem(self) -> bytes:
        """Return the private key in PEM, unencrypted."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


def make_authority(now: float, name: str) -> Pair:
    """Make an authority that may sign for local names and addresses only."""
    key = ec.generate_private_key(ec.SECP256R1())
    begin = max(_time(now), _FLOOR) - SKEW
    subject = _name(f"{name} certificate authority")
    builder = (
        _builder(subject, subject, key.public_key(), begin, begin + AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        # RFC 5280 4.2.1.10: critical, so that software that does not know it refuses the rest.
        .add_extension(x509.NameConstraints(_permitted(), None), critical=True)
    )
    return Pair(builder.sign(key, hashes.SHA256()), key)


def make_leaf(authority: Pair, names: frozenset[str], now: float) -> Pair:
    """Make a server certificate for names and addresses; raises TlsError.

    It never outlives its authority.
    """
    issuer = authority.certificate
    begin = _leaf_begin(issuer, now)
    end = min(begin + LEAF_LIFE, issuer.not_valid_after_utc)
    if end <= max(_time(now), begin):
        raise TlsError(
            f"The hub's certificate authority ended on {issuer.not_valid_after_utc:%Y-%m-%d}. "
            "Make a new one with `gotapi tls renew --new-authority`, and import it again where "
            "the old one was; or set this computer's clock right"
        )
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        _builder(_name("gotapi-hub"), issuer.subject, key.public_key(), begin, end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(_alternatives(names)), critical=False)
        .add_extension(_authority_id(issuer), critical=False)
    )
    return Pair(builder.sign(authority.key, hashes.SHA256()), key)


def names_of(leaf: x509.Certificate) -> frozenset[str]:
    """Return the names and addresses of a server certificate."""
    found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = found.get_values_for_type(x509.IPAddress)
    return frozenset(found.get_values_for_type(x509.DNSName)) | {str(one) for one in addresses}


def is_due(pair: Pair, authority: Pair, names: frozenset[str], now: float) -> bool:
    """Tell whether a server certificate must be made anew."""
    leaf, issuer, time = pair.certificate, authority.certificate, _time(now)
    if leaf.issuer != issuer.subject or names_of(leaf) != names:
        return True
    if not _signed_by(leaf, issuer) or leaf.public_key() != pair.key.public_key():
        return True
    if time < leaf.not_valid_before_utc:
        # Made while the clock was ahead; but where the clock is behind, a new one is no better.
        return _leaf_begin(issuer, now) < leaf.not_valid_before_utc
    return time >= leaf.not_valid_after_utc - RENEW_BEFORE


def fingerprint_of(certificate: x509.Certificate) -> str:
    """Return the fingerprint of a certificate's public key."""
    return fingerprint(
        certificate.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )


def read_pair(pem: bytes) -> Pair:
    """Read a private key and the first certificate of a PEM file; raises ValueError."""
    key = serialization.load_pem_private_key(pem, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("the private key is not one of an elliptic curve")
    return Pair(x509.load_pem_x509_certificate(pem), key)


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


def _leaf_begin(issuer: x509.Certificate, now: float) -> datetime:
    return max(max(_time(now), _FLOOR) - SKEW, issuer.not_valid_before_utc)


def _name(common: str) -> x509.Name:
    # Nothing of the user or the machine: a certificate is sent to whoever asks.
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    begin: datetime,
    end: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _authority_id(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    found = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(found.value)


def _permitted() -> list[x509.GeneralName]:
    domains: list[x509.GeneralName] = [x509.DNSName(domain) for domain in DOMAINS]
    return domains + [x509.IPAddress(network) for network in NETWORKS]


def _alternatives(names: frozenset[str]) -> list[x509.GeneralName]:
    addresses: list[Address] = []
    domains: list[x509.GeneralName] = []
    for name in sorted(names):
        if (address := local_address(name)) is not None:
            addresses.append(address)
        else:
            domains.append(x509.DNSName(name))
    return domains + [x509.IPAddress(address) for address in addresses]


def _signed_by(leaf: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        leaf.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):  # another name, kind of key, or signer
        return False
    return True
