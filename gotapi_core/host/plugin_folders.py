"""Plug-ins that are no Python distribution: `plugins.d/<any name>.toml` names each one's folder."""

import tomllib
from pathlib import Path

import msgspec

from gotapi_core.host.loader import Found
from gotapi_core.plugin.manifest import FILE_NAME, Manifest, parse_manifest

_SIZE_LIMIT = 4096  # bytes; there is one member in it


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of plugins.d."""

    folder: str  # absolute, or relative to plugins.d


def find_folders(plugins_d: Path) -> list[Found]:
    """Return what plugins.d offers, in order of file name; runs nothing of it."""
    if not plugins_d.is_dir():
        return []
    return [_find(file) for file in sorted(plugins_d.glob("*.toml"))]


def _find(file: Path) -> Found:
    try:
        with file.open("rb") as opened:
            text = opened.read(_SIZE_LIMIT + 1)
        if len(text) > _SIZE_LIMIT:
            raise ValueError(f"{file} is larger than {_SIZE_LIMIT} bytes")
        entry = msgspec.convert(tomllib.loads(text.decode()), Entry)
        folder = (file.parent / Path(entry.folder).expanduser()).resolve()
        manifest = parse_manifest((folder / FILE_NAME).read_bytes())
    except (ValueError, OSError) as error:  # those of TOML, manifests and msgspec are ValueErrors
        nameless = Manifest(id=file.stem, name=file.stem, version="?", module=file.stem)
        return Found(nameless, f"{file.name} in plugins.d cannot be used: {error}")
    # The module's package lies in the folder, or is the folder.
    package = manifest.module.split(".")[0]
    where = folder.parent if package and folder.name == package else folder
    # All of the folder is the plug-in: what lies beside its package can be imported, too.
    return Found(
        manifest,
        folder=folder if manifest.command else where,
        package=folder,
        again=lambda: _find(file),
    )
