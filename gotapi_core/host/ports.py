"""Which port a plug-in gets: in the hub's process, or a process of its own."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from gotapi_core.host.loader import Found, Loaded, load
from gotapi_core.host.port import Port
from gotapi_core.host.port_inprocess import InProcessPort
from gotapi_core.host.port_stdio import MEMORY, Sandbox, StdioPort, worker_command
from gotapi_core.host.sandbox import bubblewrap, wrapped
from gotapi_core.plugin.context import Context

SPOOL = "spool"  # the folder, in the hub's data, of files between the hub and plug-ins
CACHE = "pycache"  # the folder there of plug-ins' compiled code
BLOBS = "blobs"  # the folder there of applications' files, whose paths plug-ins are told


class PluginHost(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where one plug-in runs, the memory in MiB it may use there, and whether in a sandbox."""

    port: Literal["", "inprocess", "stdio"] = ""  # "": bundled ones in process, others not
    memory: Annotated[int, msgspec.Meta(ge=16, le=1024 * 1024)] = MEMORY
    sandbox: Literal["auto", "off"] = "auto"  # "auto": others' plug-ins, where bubblewrap works


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
        return _own_process(loaded, host, data)
    return None if loaded.plugin_type is None else InProcessPort(loaded.plugin_type)


def _own_process(loaded: Loaded, host: PluginHost, data: Path) -> StdioPort:
    manifest, foreign = loaded.manifest, loaded.found is not None
    cache = data / CACHE / manifest.id if foreign else None
    return StdioPort(
        manifest,
        manifest.command or worker_command(manifest.module, loaded.folder, cache),
        spool_root=data / SPOOL,
        folder=loaded.folder if manifest.command else None,
        memory=host.memory,
        sandbox=_sandbox(loaded, data) if foreign and host.sandbox == "auto" else None,
    )


def _sandbox(loaded: Loaded, data: Path) -> Sandbox:
    """Return what wraps the command of a plug-in, where this system can."""

    def wrap(command: Sequence[str], context: Context, spool: Path, cwd: Path) -> tuple[str, ...]:
        bwrap = bubblewrap()
        if not bwrap:
            return tuple(command)
        cache = data / CACHE / loaded.manifest.id
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        package = None if loaded.found is None else loaded.found.package
        code = [path for path in (loaded.folder, package) if path is not None]
        return wrapped(
            bwrap,
            command,
            context.rights,
            readable=[*code, data / BLOBS],
            writable=[context.folder, spool, cache],
            cwd=cwd,
        )

    return wrap


def clear_spool(data: Path) -> None:
    """Throw away what a hub that was killed left between itself and its plug-ins."""
    shutil.rmtree(data / SPOOL, ignore_errors=True)
