"""The files of the hub's certificates: made when first needed, renewed before they end.

A file that holds a key holds its certificate too, so the two never are of different ages.
"""

import fcntl
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gotapi_core.protocol.announcement import PREFIX
from gotapi_core.tls.authority import (
    Pair,
    fingerprint_of,
    is_due,
    make_authority,
    make_leaf,
    names_of,
    read_pair,
)
from gotapi_core.tls.failures import TlsError
from gotapi_core.tls.files import FOLDER, MAX_FILE, certificate_file
from gotapi_core.whole_file import replacing

_INSTANCE: Final = re.compile(rf"{PREFIX}[0-9a-f]{{8}}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Identity:
    """What the hub shows of itself: the pin, its authority's certificate, and the leaf's names."""

    fingerprint: str
    authority_pem: bytes
    names: frozenset[str]
    ends: float  # seconds since 1970, when the server certificate ends
    serial: int  # tells one server certificate from the next


class Keeper:
    """Keeps the files in a hub's data folder; several processes may do so at once."""

    def __init__(self, data: Path) -> None:
        folder = data / FOLDER
        self.folder = folder
        self.server_file = folder / "server.pem"  # key, certificate and authority's certificate
        self.certificate_file = certificate_file(data)
        self._authority_file = folder / "authority.pem"
        self._instance_file = folder / "instance"

    @property
    def exists(self) -> bool:
        """Whether there is an authority already."""
        return self._authority_file.exists()

    def instance(self) -> str:
        """Return the hub's neutral name, random and kept: `gotapi-hub-1a2b3c4d`."""
        with self._locked():
            return self._instance()

    def names(self) -> frozenset[str]:
        """Return what the server certificate is for, nothing where there is none."""
        with self._locked():
            leaf = self._read(self.server_file)
        return names_of(leaf.certificate) if leaf is not None else frozenset()

    def ensure(self, names: frozenset[str], now: float, *, renew: bool = False) -> Identity:
        """Return the identity, making or renewing what is missing, due or asked for.

        Raises TlsError.
        """
        with self._locked():
            authority = self._authority(now)
            leaf = self._read(self.server_file)
            if leaf is None or renew or is_due(leaf, authority, names, now):
                leaf = make_leaf(authority, names, now)
                chain = leaf.certificate_pem() + authority.certificate_pem()
                self._write(self.server_file, leaf.key_pem() + chain)
            return _identity(authority, leaf)

    def renew(self, names: frozenset[str], now: float, *, new_authority: bool = False) -> Identity:
        """Make a new server certificate for the names it has, or `names` where there is none.

        With `new_authority` everyone who trusted the old one has to be told. Raises TlsError.
        """
        known = self.names() or names
        if new_authority:
            with self._locked():
                self._make_authority(now)
        return self.ensure(known, now, renew=True)

    def _authority(self, now: float) -> Pair:
        found = self._read(self._authority_file)
        if found is None:
            if self._authority_file.exists():
                raise TlsError(
                    f"{self._authority_file} is damaged. Put it back from a backup, or make a new "
                    "authority with `gotapi tls renew --new-authority`; then everyone who trusted "
                    "the old one has to trust the new one"
                )
            return self._make_authority(now)
        if self._content(self.certificate_file) != found.certificate_pem():
            self._write(self.certificate_file, found.certificate_pem(), mode=0o644)
        return found

    def _make_authority(self, now: float) -> Pair:
        made = make_authority(now, self._instance())
        self._write(self._authority_file, made.key_pem() + made.certificate_pem())
        self._write(self.certificate_file, made.certificate_pem(), mode=0o644)
        return made

    def _instance(self) -> str:
        known = (self._content(self._instance_file) or b"").decode("ascii", "replace").strip()
        if _INSTANCE.fullmatch(known):
            return known
        made = f"{PREFIX}{secrets.token_hex(4)}"
        self._write(self._instance_file, f"{made}\n".encode("ascii"))
        return made

    def _read(self, path: Path) -> Pair | None:
        """Return a key with its certificate, None where there is none or it is damaged."""
        content = self._content(path)
        if content is None:
            return None
        try:
            return read_pair(content)
        except (ValueError, TypeError):
            return None

    def _content(self, path: Path) -> bytes | None:
        try:
            with path.open("rb") as file:
                return file.read(MAX_FILE)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise TlsError(f"{path} cannot be read: {error.strerror}") from error

    def _write(self, path: Path, content: bytes, mode: int = 0o600) -> None:
        """Replace a file as a whole; the new one is never readable by others, not even at first."""
        try:
            with replacing(path, mode) as file:
                file.write(content)
        except OSError as error:
            raise TlsError(f"{path} cannot be written: {error.strerror}") from error

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.chmod(0o700)
            lock = (self.folder / "lock").open("a")
        except OSError as error:
            raise TlsError(
                f"The hub cannot keep its keys in {self.folder}: {error.strerror}"
            ) from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _identity(authority: Pair, leaf: Pair) -> Identity:
    return Identity(
        fingerprint=fingerprint_of(authority.certificate),
        authority_pem=authority.certificate_pem(),
        names=names_of(leaf.certificate),
        ends=leaf.certificate.not_valid_after_utc.timestamp(),
        serial=leaf.certificate.serial_number,
    )
