"""What the operator sees and changes of the settings of plug-ins, while the hub runs."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from gotapi_core.host.ports import has_own_process
from gotapi_core.host.supervisor import PluginState, Supervisor
from gotapi_core.plugin_settings.change import (
    Asked,
    Check,
    Prepared,
    prepare,
    schema_check,
    type_check,
)
from gotapi_core.plugin_settings.edit import parsed, section_of
from gotapi_core.plugin_settings.file import FileChanged, FileState, read_file, refusal, write_file
from gotapi_core.plugin_settings.laid import effective
from gotapi_core.plugin_settings.shape import NOTHING, Shape, shape_of_schema, shape_of_type
from gotapi_core.plugin_settings.view import Sections, View, settings_seen
from gotapi_core.protocol.errors import GotapiError, InvalidParameter, ResultCode
from gotapi_core.settings import Settings, SettingsError

if TYPE_CHECKING:
    from gotapi_core.hub import Hub


class Outdated(GotapiError):  # noqa: N818  # reads as what happened
    """The file was changed since the operator looked at it."""

    code = ResultCode.ILLEGAL_SERVER_STATE
    status = 412  # RFC 9110 15.5.13: the state is not the one that the request was made for


class WouldEnd(GotapiError):  # noqa: N818  # the same
    """The restart that goes with the change would end something; ask whether that is meant."""

    code = ResultCode.ILLEGAL_SERVER_STATE
    status = 409


class Change(Asked, frozen=True, kw_only=True):
    """A change of the file that had this revision; `sure` ends what the plug-in is at."""

    id: str
    revision: str
    sure: bool = False


class Done(msgspec.Struct, frozen=True):
    """What came of a change; `waits` says why the plug-in does not use it yet."""

    supervisor: Supervisor
    waits: str = ""


class SettingsDesk:
    """Reads and changes sections `[plugins.<id>]` of one hub's settings file."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self._file = hub.paths.settings_file
        self._lock = asyncio.Lock()  # from the look at the file until the plug-in runs with it

    async def view(self, plugin_id: str) -> View:
        """Return the settings of a plug-in; raises InvalidParameter for an unknown one."""
        supervisor = self._hub.desk.named(plugin_id)
        shape, _ = self._known(supervisor)
        try:
            state = await asyncio.to_thread(read_file, self._file)
            sections = self._sections(plugin_id, state)
            problem, refused = "", await asyncio.to_thread(refusal, self._file)
        except SettingsError as error:
            running = self._hub.settings.plugins.get(plugin_id, {})
            state = FileState("", "")
            sections = Sections(running, running, running, self._hub.laid.names(plugin_id))
            problem, refused = str(error), "The file has to be repaired first"
        return View(
            id=plugin_id,
            file=shown_path(self._file),
            revision=state.revision,
            known=shape is not None,
            settings=settings_seen(shape, sections),
            refusal=shown_path(refused),
            problem=shown_path(problem),
            restarts=not supervisor.comes_by_itself,
        )

    async def change(self, change: Change) -> Done:
        """Check a change, write it, and restart the plug-in with it; nothing, or all of it.

        Raises InvalidParameter, Outdated and WouldEnd. A change of nothing takes what is in the
        file.
        """
        async with self._lock:
            supervisor = self._hub.desk.named(change.id)
            try:
                prepared = await self._prepared(supervisor, change)
                self._ask(supervisor, change)
                await asyncio.to_thread(write_file_if, self._file, prepared, change.revision)
            except FileChanged as error:
                raise Outdated(shown_path(error)) from error
            except SettingsError as error:
                raise InvalidParameter(shown_path(error)) from error
            self._take(change.id, prepared.settings)
            return await self._restart(supervisor)

    async def _prepared(self, supervisor: Supervisor, change: Change) -> Prepared:
        state = await asyncio.to_thread(read_file, self._file)
        if state.revision != change.revision:
            raise FileChanged(self._file)
        shape, check = self._known(supervisor)
        return await asyncio.to_thread(
            prepare,
            state.text,
            change.id,
            change,
            shape=shape,
            check=check,
            laid=self._hub.laid,
            file=str(self._file),
        )

    def _ask(self, supervisor: Supervisor, change: Change) -> None:
        if change.sure or supervisor.comes_by_itself:
            return
        if busy := supervisor.busy():
            raise WouldEnd(f"The restart that goes with new settings would end this: {busy}")

    def _take(self, plugin_id: str, made: Settings) -> None:
        # Only this plug-in's: what else is new in the file holds from the next start of the hub.
        plugins = dict(self._hub.settings.plugins)
        plugins[plugin_id] = made.plugins.get(plugin_id, {})
        self._hub.settings = msgspec.structs.replace(self._hub.settings, plugins=plugins)

    async def _restart(self, supervisor: Supervisor) -> Done:
        if supervisor.comes_by_itself:
            return Done(supervisor, "it takes them when it connects the next time")
        loaded = self._hub.desk.plugins.get(supervisor.id)
        if loaded is None or loaded.reason:
            return Done(supervisor, "it cannot run")
        await self._hub.desk.restart(supervisor.id)
        runs = supervisor.health.state in (PluginState.READY, PluginState.FAILED)
        return Done(supervisor, "" if runs else "it takes them when it is started")

    def _sections(self, plugin_id: str, state: FileState) -> Sections:
        hub = self._hub
        made = effective(state.text, hub.laid, str(self._file))
        return Sections(
            section_of(parsed(state.text), plugin_id),
            made.plugins.get(plugin_id, {}),
            hub.settings.plugins.get(plugin_id, {}),
            hub.laid.names(plugin_id),
        )

    def _known(self, supervisor: Supervisor) -> tuple[Shape | None, Check]:
        plugin_id, hub = supervisor.id, self._hub
        loaded = hub.desk.plugins.get(plugin_id)
        apart = loaded is None or has_own_process(loaded, hub.settings.plugin_host)
        if loaded is None or apart or loaded.plugin_type is None:
            schema = supervisor.settings_schema
            shape = None if schema is None else shape_of_schema(schema)
            return shape, schema_check(plugin_id, shape)
        kind = loaded.settings_type
        shape = NOTHING if kind is None else shape_of_type(kind)
        return shape, type_check(plugin_id, kind)


def write_file_if(file: Path, prepared: Prepared, revision: str) -> None:
    """Write a change; where it changes nothing the file is not touched. Raises SettingsError."""
    if prepared.text != read_file(file).text:
        write_file(file, prepared.text, revision)


def shown_path(text: object) -> str:
    """Return a text with `~` for the user's home folder, as the operator would write it."""
    home = str(Path.home())
    return str(text).replace(home, "~") if len(home) > 1 else str(text)
