"""PURE. What a plug-in wants to reach beyond its own folder: checked, compared, in words."""

import re
from pathlib import PurePosixPath

import msgspec

_MOST = 32  # entries of one kind; a person reads them before approving
_LENGTH = 200  # characters of one entry; the longest host name has 253, the longest used far less
_HOST = re.compile(
    r"\*|(?:\*\.)?[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?(?::[0-9]{1,5})?|\[[0-9a-f:.]+\](?::[0-9]{1,5})?"
)


class Rights(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the plug-in wants to reach, shown to the operator."""

    serial: bool | tuple[str, ...] = False  # all ports, or those whose paths fit these patterns
    bluetooth: bool = False
    network: tuple[str, ...] = ()  # host names or addresses, also "host:port", "*.name" and "*"
    folders: tuple[str, ...] = ()  # to read
    calls: tuple[str, ...] = ()  # profiles of other plug-ins, used for an application that may

    @property
    def serial_patterns(self) -> tuple[str, ...]:
        """The patterns of the serial ports it may open; "*" stands for all."""
        if isinstance(self.serial, bool):
            return ("*",) if self.serial else ()
        return self.serial


def check_rights(rights: Rights) -> None:
    """Raise ValueError that names the right and what it should be."""
    for pattern in () if isinstance(rights.serial, bool) else rights.serial:
        _check("serial", pattern, _is_path(pattern), "a path like '/dev/ttyACM*'")
    for host in rights.network:
        _check("network", host, _HOST.fullmatch(host) is not None, "a host like 'lamp.local:80'")
    for folder in rights.folders:
        sound = _is_path(folder.removeprefix("~")) and not set(folder) & set("*?[")
        _check("folders", folder, sound, "a folder like '/srv/models' or '~/models'")
    for profile in rights.calls:
        sound = profile == profile.lower() and not set(profile) & set(" /\\%?#")
        _check("calls", profile, sound and bool(profile), "a profile in lower case like '3dp'")
    serial = () if isinstance(rights.serial, bool) else rights.serial
    for kind, entries in (
        ("serial", serial),
        ("network", rights.network),
        ("folders", rights.folders),
        ("calls", rights.calls),
    ):
        if len(entries) > _MOST:
            raise ValueError(f"rights.{kind} has {len(entries)} entries; at most {_MOST} are read")


def words(rights: Rights) -> tuple[str, ...]:
    """Return what the rights are, for the operator; nothing for a plug-in that wants none."""
    found = []
    if rights.serial is True:
        found.append("serial ports: all")
    elif rights.serial:
        found.append(f"serial ports: {', '.join(rights.serial)}")
    if rights.bluetooth:
        found.append("Bluetooth")
    if rights.network:
        hosts = "any host" if "*" in rights.network else ", ".join(rights.network)
        found.append(f"network: {hosts}")
    if rights.folders:
        found.append(f"folders to read: {', '.join(rights.folders)}")
    if rights.calls:
        found.append(f"for applications that may: {', '.join(rights.calls)}")
    return tuple(found)


def beyond(old: Rights, new: Rights) -> Rights:
    """Return what the new rights have that the old ones do not."""
    return Rights(
        serial=_serial_beyond(old, new),
        bluetooth=new.bluetooth and not old.bluetooth,
        network=tuple(one for one in new.network if one not in old.network),
        folders=tuple(one for one in new.folders if one not in old.folders),
        calls=tuple(one for one in new.calls if one not in old.calls),
    )


def _serial_beyond(old: Rights, new: Rights) -> bool | tuple[str, ...]:
    if old.serial is True:
        return False
    if isinstance(new.serial, bool):
        return new.serial
    return tuple(one for one in new.serial if one not in old.serial_patterns)


def _is_path(text: str) -> bool:
    path = PurePosixPath(text)
    return path.is_absolute() and ".." not in path.parts and len(path.parts) > 1


def _check(kind: str, entry: str, sound: bool, wanted: str) -> None:
    if not sound or not entry.isprintable() or len(entry) > _LENGTH:
        raise ValueError(f"rights.{kind}: {entry[:_LENGTH]!r} must be {wanted}")
