"""Which port a plug-in gets: in the hub's process, or a process of its own."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from gotapi_core.host.loader import Found, Loaded, load
from gotapi_core.host.port import Port
from gotapi_core.host.port_inprocess import InProcessPort
from gotapi_core.host.port_stdio import MEMORY, StdioPort, worker_command

SPOOL = "spool"  # the folder, in the hub's data, of files between the hub and plug-ins


class PluginHost(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where one plug-in runs, and the memory in MiB it may use there."""

    port: Literal["", "inprocess", "stdio"] = ""  # "": bundled ones in process, others not
    memory: Annotated[int, msgspec.Meta(ge=16, le=1024 * 1024)] = MEMORY


Hosts = Mapping[str, PluginHost]


def is_isolated(found: Found, hosts: Hosts) -> bool:
    """Tell whether a plug-in gets a process of its own; then the hub does not import it."""
    chosen = hosts.get(found.manifest.id, PluginHost()).port
    if found.manifest.command:
        return True  # it is no Python
    return chosen == "stdio" or (not chosen and not found.bundled)


def load_for(found: Found, hosts: Hosts) -> Loaded:
    """Load a plug-in for the port it will have; raises nothing.

    One that is not the hub's own is not imported before the operator approved it.
    """
    if found.sound and not found.bundled:
        isolated = is_isolated(found, hosts)
        return Loaded(found.manifest, isolated=isolated, folder=found.folder, found=found)
    if found.sound and is_isolated(found, hosts):
        return Loaded(found.manifest, isolated=True, folder=found.folder)
    return load(found)


def has_own_process(loaded: Loaded, hosts: Hosts) -> bool:
    """Tell whether a loaded plug-in runs outside the hub's process."""
    chosen = hosts.get(loaded.manifest.id, PluginHost()).port
    return loaded.isolated or (chosen == "stdio" and loaded.plugin_type is not None)


def make_port(loaded: Loaded, hosts: Hosts, data: Path) -> Port | None:
    """Return the port of a loaded plug-in, None for one that could not be loaded."""
    host = hosts.get(loaded.manifest.id, PluginHost())
    if loaded.reason:
        return None
    if has_own_process(loaded, hosts):
        manifest = loaded.manifest
        command = manifest.command or worker_command(manifest.module, loaded.folder)
        folder = loaded.folder if manifest.command else None
        spool = data / SPOOL
        return StdioPort(manifest, command, spool_root=spool, folder=folder, memory=host.memory)
    return None if loaded.plugin_type is None else InProcessPort(loaded.plugin_type)


def clear_spool(data: Path) -> None:
    """Throw away what a hub that was killed left between itself and its plug-ins."""
    shutil.rmtree(data / SPOOL, ignore_errors=True)
