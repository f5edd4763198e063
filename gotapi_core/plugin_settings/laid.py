"""What was laid over the settings file when the hub was started: `--set`, and `--demo`. PURE."""

import copy
from collections.abc import Mapping
from typing import Any

import msgspec

from gotapi_core.plugin_settings.edit import parsed, section_of
from gotapi_core.settings import Settings, convert_settings, lay_over, override_of


class Laid(msgspec.Struct, frozen=True):
    """The texts of `--set`, and sections of plug-ins whose members go before the file's.

    `by` says who gave the sections.
    """

    overrides: tuple[str, ...] = ()
    sections: Mapping[str, Mapping[str, Any]] = {}
    by: str = "--demo"

    def over(self, table: Mapping[str, Any]) -> dict[str, Any]:
        """Return a table of settings with all this over it; raises SettingsError."""
        whole = copy.deepcopy(dict(table))
        for text in self.overrides:
            lay_over(whole, text)
        for plugin_id, members in self.sections.items():
            section = section_of(whole, plugin_id)
            whole.setdefault("plugins", {})[plugin_id] = {**section, **members}
        return whole

    def names(self, plugin_id: str) -> dict[str, str]:
        """Return which settings of a plug-in the file does not decide, and what does.

        The name `*` stands for all of them.
        """
        found: dict[str, str] = {}
        for text in self.overrides:
            path, _ = override_of(text)
            for name in _named(path, plugin_id):
                found[name] = "--set"
        return found | dict.fromkeys(self.sections.get(plugin_id, {}), self.by)


def effective(text: str, laid: Laid, file: str) -> Settings:
    """Return all settings that a file's text makes; raises SettingsError."""
    return convert_settings(laid.over(parsed(text, file)), source=file)


def _named(path: list[str], plugin_id: str) -> list[str]:
    """Return the names of a plug-in's settings that one `--set` gives."""
    if path[:1] != ["plugins"]:
        return []
    if path[2:]:
        return [path[2]] if path[1] == plugin_id else []
    return ["*"] if path[1:] in ([], [plugin_id]) else []
