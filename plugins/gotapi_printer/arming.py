"""One-time codes by which the operator of this machine arms a printer for an application.

`gotapi printers arm` writes the code's hash into the plug-in's folder, which only the user the hub
runs as can do; an application hands the code in.
"""

import hashlib
import hmac
import os
import secrets
import time
from pathlib import Path

import msgspec

FOLDER = "arming"
LIFETIME = 300.0  # seconds from the terminal to the application
TRIES = 5  # wrong codes before the right one is void; a code has 40 bits
LENGTH = 8
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that looks like another


class ArmError(Exception):
    """The code is not taken; the text says why and what to do."""


class _Code(msgspec.Struct, frozen=True):
    digest: str
    until: float  # Unix seconds
    wrong: int = 0


def new_code(folder: Path, printer: str, now: float | None = None) -> str:
    """Make the code for a printer, which replaces an earlier one; `folder` is the plug-in's."""
    code = "".join(secrets.choice(_LETTERS) for _ in range(LENGTH))
    until = (time.time() if now is None else now) + LIFETIME
    _write(_path(folder, printer), _Code(_digest(code), until))
    return code


def take_code(folder: Path, printer: str, code: str, now: float | None = None) -> None:
    """Use a code up. Raises ArmError for a wrong, old or used one."""
    path = _path(folder, printer)
    try:
        known = msgspec.json.decode(path.read_bytes(), type=_Code)
    except (OSError, msgspec.DecodeError):
        raise ArmError(_ask(printer)) from None
    if (time.time() if now is None else now) >= known.until:
        path.unlink(missing_ok=True)
        raise ArmError(f"The code is too old. {_ask(printer)}")
    if hmac.compare_digest(_digest(code.strip().upper()), known.digest):
        path.unlink(missing_ok=True)
        return
    if known.wrong + 1 >= TRIES:
        path.unlink(missing_ok=True)
    else:
        _write(path, msgspec.structs.replace(known, wrong=known.wrong + 1))
    raise ArmError(f"The code is wrong. {_ask(printer)}")


def _ask(printer: str) -> str:
    return f"Ask the operator to run 'gotapi printers arm {printer}' and give the code it shows"


def _path(folder: Path, printer: str) -> Path:
    return folder / FOLDER / f"{printer}.json"


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


def _write(path: Path, code: _Code) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.encode(code))
    part.replace(path)
