"""One-time codes by which the operator of this machine arms a printer or lets a print go on.

`gotapi printers arm` and `resume` write the code's hash into the plug-in's folder, which only the
user the hub runs as can do; an application hands the code in.
"""

import hashlib
import hmac
import secrets
import time
from pathlib import Path

import msgspec

from gotapi_core.whole_file import replacing

ARM, RESUME = "arm", "resume"  # what a code is for, and the command that shows it
LIFETIME = 300.0  # seconds from the terminal to the application
TRIES = 5  # wrong codes before the right one is void; a code has 40 bits
LENGTH = 8
_FOLDERS = {ARM: "arming", RESUME: "resuming"}
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that looks like another


class ArmError(Exception):
    """The code is not taken; the text says why and what to do."""


class _Code(msgspec.Struct, frozen=True):
    digest: str
    until: float  # Unix seconds
    wrong: int = 0


def new_code(folder: Path, printer: str, now: float | None = None, *, act: str = ARM) -> str:
    """Make the code for a printer, which replaces an earlier one; `folder` is the plug-in's."""
    code = "".join(secrets.choice(_LETTERS) for _ in range(LENGTH))
    until = (time.time() if now is None else now) + LIFETIME
    _write(_path(folder, printer, act), _Code(_digest(code), until))
    return code


def take_code(
    folder: Path, printer: str, code: str, now: float | None = None, *, act: str = ARM
) -> None:
    """Use a code up. Raises ArmError for a wrong, old or used one."""
    path, ask = _path(folder, printer, act), _ask(printer, act)
    try:
        known = msgspec.json.decode(path.read_bytes(), type=_Code)
    except (OSError, msgspec.DecodeError):
        raise ArmError(ask) from None
    if (time.time() if now is None else now) >= known.until:
        path.unlink(missing_ok=True)
        raise ArmError(f"The code is too old. {ask}")
    if hmac.compare_digest(_digest(code.strip().upper()), known.digest):
        path.unlink(missing_ok=True)
        return
    if known.wrong + 1 >= TRIES:
        path.unlink(missing_ok=True)
    else:
        _write(path, msgspec.structs.replace(known, wrong=known.wrong + 1))
    raise ArmError(f"The code is wrong. {ask}")


def _ask(printer: str, act: str) -> str:
    return f"Ask the operator to run 'gotapi printers {act} {printer}' and give the code it shows"


def _path(folder: Path, printer: str, act: str) -> Path:
    return folder / _FOLDERS[act] / f"{printer}.json"


def _digest(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()


def _write(path: Path, code: _Code) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with replacing(path) as file:
        file.write(msgspec.json.encode(code))
