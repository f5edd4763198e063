"""The last lines that each plug-in logged, kept in memory for the operator."""

import logging
import re
from collections import deque
from collections.abc import Sequence

import msgspec

from gotapi_core.plugin.manifest import Manifest

MAX_LINES = 200  # of one plug-in; nobody reads more of them on a page
MAX_TEXT = 500  # characters of a line
_CONTEXT = "gotapi.plugin."  # begins the names of the loggers that plug-ins are given

# What follows such a word is most likely what nobody else should read. Which texts are secret only
# the plug-in knows, so this is a net below its own care.
_SECRET = re.compile(
    r"(?i)\b(bearer\s+|[\w-]*(?:password|passwd|secret|token|api[_-]?key|access[_-]?code)"
    r"[\"']?\s*[=:]\s*[\"']?)[^\s\"',;&]+"
)
_USER = re.compile(r"(?<=://)[^/\s@]+@")  # of an address: RFC 3986 3.2.1


class LogLine(msgspec.Struct, frozen=True):
    """One line; `time` in seconds since 1970, `level` as Python calls it."""

    time: float
    level: str
    text: str


class PluginLogs(logging.Handler):
    """Keeps what the log of this process has of plug-ins, by their ids.

    A plug-in is known by the logger it was given, and one in this process by its package as well.
    What the log leaves out is not kept either: `gotapi run -v` logs more.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lines: dict[str, deque[LogLine]] = {}
        self._packages: dict[str, str] = {}

    def know(self, manifest: Manifest) -> None:
        """Keep lines of this plug-in from now on."""
        self._lines.setdefault(manifest.id, deque(maxlen=MAX_LINES))
        package = manifest.module.partition(".")[0]
        if package not in ("", "gotapi_core", "gotapi_auth"):  # the hub's own are no plug-in's
            self._packages[package] = manifest.id

    def of(self, plugin_id: str) -> Sequence[LogLine]:
        """Return the last lines of a plug-in, the oldest first."""
        self.acquire()  # threads of plug-ins log, too
        try:
            return tuple(self._lines.get(plugin_id, ()))
        finally:
            self.release()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record, where it is of a plug-in; called with the handler's lock held."""
        lines = self._lines.get(self._owner(record.name))
        if lines is None:
            return
        try:
            text = record.getMessage()
        except Exception:  # the plug-in's own arguments do not fit its format
            text = str(record.msg)
        if record.exc_info and record.exc_info[1] is not None:
            text = f"{text}: {type(record.exc_info[1]).__name__}: {record.exc_info[1]}"
        lines.append(LogLine(record.created, record.levelname, without_secrets(text)[:MAX_TEXT]))

    def _owner(self, name: str) -> str:
        if name.startswith(_CONTEXT):
            return name.removeprefix(_CONTEXT).partition(".")[0]
        return self._packages.get(name.partition(".")[0], "")


def without_secrets(text: str) -> str:
    """Return a line without what follows words such as password, and users in addresses."""
    return _USER.sub("***@", _SECRET.sub(r"\1***", text[: 4 * MAX_TEXT]))
