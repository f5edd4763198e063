"""Runs a plug-in's process inside bubblewrap, where it sees only what it needs and was approved.

Everything else of the file system is not there: the home, other plug-ins' folders, the hub's own.
The network is there as a whole or not at all: bubblewrap knows no hosts.
"""

import shutil
import site
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import gotapi_core
from gotapi_core.plugin.rights import Rights

_PROBE_TIME = 5.0  # seconds; it takes 10 ms
_SYSTEM = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/alternatives", "/etc/fonts",
    "/etc/hosts", "/etc/ld.so.cache", "/etc/localtime", "/etc/mime.types", "/etc/nsswitch.conf",
    "/etc/passwd", "/etc/pki", "/etc/resolv.conf", "/etc/ssl",
)  # fmt: skip
_TMP = "/tmp"  # noqa: S108  # an empty one of its own
_BLUETOOTH = ("/run/dbus/system_bus_socket", "/var/run/dbus/system_bus_socket")


@cache
def bubblewrap() -> str:
    """Return the path of a bubblewrap that works for this user, empty where there is none."""
    found = shutil.which("bwrap")
    if found is None:
        return ""
    try:  # user namespaces may be switched off
        subprocess.run(
            [found, "--ro-bind", "/", "/", "--unshare-all", "--proc", "/proc", "true"],
            check=True,
            capture_output=True,
            timeout=_PROBE_TIME,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return found


def wrapped(
    bwrap: str,
    command: Sequence[str],
    rights: Rights,
    *,
    readable: Iterable[Path],
    writable: Iterable[Path],
    cwd: Path,
) -> tuple[str, ...]:
    """Return the command that runs another one inside; paths that are missing are left out.

    `readable` and `writable` are what the hub itself shares with the plug-in.
    """
    words = [bwrap, "--die-with-parent", "--new-session", "--unshare-all"]
    if rights.network or rights.bluetooth:
        words.append("--share-net")
    words += ["--proc", "/proc", "--tmpfs", _TMP, *_devices(rights)]
    shown = [*map(Path, _SYSTEM), *_python(), *_folders(rights), *readable]
    for path in (*shown, *_program(command, shown)):
        words += ["--ro-bind-try", str(path), str(path)]
    if rights.bluetooth:
        for path in map(Path, _BLUETOOTH):
            words += ["--ro-bind-try", str(path), str(path)]
    for path in writable:
        words += ["--bind", str(path), str(path)]
    return (*words, "--chdir", str(cwd), "--", *command)


def _devices(rights: Rights) -> list[str]:
    if rights.serial is True:  # a device may be plugged in later, so it must see them come
        return ["--dev-bind", "/dev", "/dev", "--ro-bind-try", "/sys", "/sys"]
    words = ["--dev", "/dev"]
    for pattern in rights.serial_patterns:
        for device in sorted(Path("/").glob(pattern.lstrip("/"))):
            words += ["--dev-bind-try", str(device), str(device)]
    return words


def _program(command: Sequence[str], shown: Sequence[Path]) -> list[Path]:
    """Return the program itself where it is elsewhere, as in a home."""
    found = shutil.which(command[0])
    files = set() if found is None else {Path(found), Path(found).resolve()}
    return [one for one in files if not any(one.is_relative_to(path) for path in shown)]


def _folders(rights: Rights) -> list[Path]:
    return [Path(folder).expanduser() for folder in rights.folders]


def _python() -> list[Path]:
    """Return where this Python and its packages are."""
    paths = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    found = [sys.prefix, sys.base_prefix, *sorted(paths), *site.getsitepackages()]
    # Packages may be installed as links to their sources; and plug-ins may lie there, too.
    found += [entry for entry in sys.path if entry]
    own = Path(gotapi_core.__file__).parent
    everything = [Path(one) for one in dict.fromkeys(found)]
    return [*everything, own]
