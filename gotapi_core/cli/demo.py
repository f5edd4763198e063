"""`--demo`: runs what the plug-ins' manifests offer for it and lays their settings over."""

import ctypes
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from gotapi_core.host.loader import Found, find_plugins
from gotapi_core.paths import Paths
from gotapi_core.plugin.manifest import Demo as DemoOffer
from gotapi_core.settings import Settings

_PR_SET_PDEATHSIG = 1  # prctl(2)
_END = 5.0  # seconds a simulated device gets to end by itself


class Demo:
    """Keeps the simulated devices running; entering it returns the settings that find them.

    `may` tells of which plug-ins: what a manifest offers is a command that is run.
    """

    def __init__(
        self, paths: Paths, settings: Settings, may: Callable[[Found], bool] = lambda _: True
    ) -> None:
        self._paths = paths
        self._settings = settings
        self._may = may
        self._stack = ExitStack()
        self.sections: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> Settings:
        """Start the devices; returns the settings that find them, also as `sections`."""
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(dir=self._paths.run)))
        plugins = dict(self._settings.plugins)
        for found in find_plugins():
            if not self._may(found):
                continue
            offer = found.manifest.demo
            if offer.command:
                self._start(offer, folder)
            if offer.settings:
                own = plugins.get(found.manifest.id, {})
                filled = _filled(offer.settings, folder)
                self.sections[found.manifest.id] = filled
                plugins[found.manifest.id] = {**own, **filled}
        return msgspec.structs.replace(self._settings, plugins=plugins)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def _start(self, offer: DemoOffer, folder: Path) -> None:
        words = [word.replace("{run}", str(folder)) for word in offer.command]
        process = subprocess.Popen(
            [sys.executable, "-m", "gotapi_core", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            preexec_fn=_end_with_parent,  # safe: no threads run yet
        )
        self._stack.callback(_end, process)


def _end_with_parent() -> None:
    if sys.platform == "linux":  # elsewhere a killed hub leaves the simulated device behind
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _filled(value: Any, folder: Path) -> Any:
    if isinstance(value, str):
        return value.replace("{run}", str(folder))
    if isinstance(value, Mapping):
        return {key: _filled(one, folder) for key, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, folder) for one in value]
    return value
