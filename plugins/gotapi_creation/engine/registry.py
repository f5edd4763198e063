"""Engines by name: ours, and those that installed distributions bring by pluggy."""

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Final, TypeVar

import msgspec
import pluggy

from gotapi_creation.engine.base import GROUP, PROJECT, Engine, Factory, hookspec
from gotapi_creation.engine.base import creation_engines as specification
from gotapi_creation.engine.errors import CreationError
from gotapi_creation.engine.shape import ShapeEngine


def _shape(settings: Mapping[str, bytes]) -> Engine:
    return ShapeEngine()


def _onnx(settings: Mapping[str, bytes]) -> Engine:
    from gotapi_creation.engine.onnx_engine import OnnxEngine, OnnxSettings

    return OnnxEngine(read_settings("onnx", settings, OnnxSettings))


def _command(settings: Mapping[str, bytes]) -> Engine:
    from gotapi_creation.engine.command_engine import CommandEngine, CommandSettings

    return CommandEngine(read_settings("command", settings, CommandSettings))


def _comfyui(settings: Mapping[str, bytes]) -> Engine:
    from gotapi_creation.engine.comfy_engine import ComfyEngine, ComfySettings

    return ComfyEngine(read_settings("comfyui", settings, ComfySettings))


def _hunyuan(settings: Mapping[str, bytes]) -> Engine:
    from gotapi_creation.engine.hunyuan_engine import HunyuanEngine, HunyuanSettings

    return HunyuanEngine(read_settings("hunyuan3d", settings, HunyuanSettings))


S = TypeVar("S", bound=msgspec.Struct)

OURS: Final[Mapping[str, Factory]] = {
    "shape": _shape,
    "onnx": _onnx,
    "command": _command,
    "comfyui": _comfyui,
    "hunyuan3d": _hunyuan,
}


class _Specification:
    creation_engines = staticmethod(hookspec(specification))


def engine(name: str, settings: Mapping[str, msgspec.Raw]) -> Engine:
    """Return the engine of a name; raises CreationError with the names there are."""
    plain = {key: bytes(value) for key, value in settings.items()}
    factory = OURS.get(name) or _others(name)
    if factory is None:
        names = ", ".join([*OURS, *(one.name for one in _entry_points())])
        raise CreationError("engine", f"there is no engine '{name[:40]}'; there are {names}")
    return factory(plain)


def read_settings(name: str, settings: Mapping[str, bytes], kind: type[S]) -> S:
    """Read the settings of an engine; raises CreationError for wrong ones."""
    try:
        members = {key: msgspec.json.decode(value) for key, value in settings.items()}
        return msgspec.convert(members, kind, strict=True)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise CreationError(
            "engine", f"the settings of engine '{name}' are wrong: {error}"
        ) from None


def _entry_points() -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=GROUP))


def _others(name: str) -> Factory | None:
    """Ask the entry points one by one; a broken one harms only orders that name it."""
    for found in _entry_points():
        manager = pluggy.PluginManager(PROJECT)
        manager.add_hookspecs(_Specification)
        try:
            manager.register(found.load())
            for engines in manager.hook.creation_engines():
                if name in engines:
                    factory: Factory = engines[name]
                    return factory
        except Exception as error:  # somebody else's code, at the boundary
            if found.name == name:
                words = f"engine '{name}' could not be loaded: {type(error).__name__}: {error}"
                raise CreationError("engine", words) from error
    return None
