"""Where the certificates are, for those who only hand the authority's on."""

from pathlib import Path
from typing import Final

FOLDER: Final = "tls"  # in the hub's data folder
MAX_FILE: Final = 64 * 1024  # bytes; ours have about 2 KiB


def certificate_file(data: Path) -> Path:
    """Return the file of the authority's certificate; it holds no secret."""
    return data / FOLDER / "ca.crt"


def authority_certificate(data: Path) -> bytes | None:
    """Return the authority's certificate in PEM, None where there is no authority yet."""
    try:
        with certificate_file(data).open("rb") as file:
            return file.read(MAX_FILE)
    except OSError:
        return None
