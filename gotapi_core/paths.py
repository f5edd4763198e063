"""Where the hub keeps its files: one home given, or the XDG folders of the user."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Paths:
    """The folders of one hub; `prepare` makes them, readable by their owner only."""

    config: Path  # gotapi.toml
    data: Path  # store, blobs, plug-in folders, operator secret
    run: Path  # what lives no longer than the hub runs

    @property
    def settings_file(self) -> Path:
        return self.config / "gotapi.toml"

    @property
    def store(self) -> Path:
        return self.data / "hub.sqlite3"

    @property
    def blobs(self) -> Path:
        return self.data / "blobs"

    @property
    def operator_secret(self) -> Path:
        return self.data / "operator.secret"

    @property
    def lock(self) -> Path:
        return self.data / "hub.lock"

    def plugin(self, plugin_id: str) -> Path:
        return self.data / "plugins" / plugin_id

    def prepare(self) -> None:
        """Make the folders; raises OSError where that is not possible."""
        for folder in (self.config, self.data, self.run, self.blobs):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self.data, self.run, self.blobs):
            folder.chmod(0o700)


def paths_under(home: Path) -> Paths:
    """Keep everything in one folder (tests, a second hub, a portable one)."""
    home = home.expanduser().absolute()
    return Paths(config=home, data=home / "data", run=home / "run")


def default_paths(environ: Mapping[str, str] = os.environ) -> Paths:
    """Return `$GOTAPI_HOME`, else the XDG folders (defaults of the XDG base directory text)."""
    if home := environ.get("GOTAPI_HOME"):
        return paths_under(Path(home))
    user = Path(environ.get("HOME") or "~").expanduser()
    config = _absolute(environ.get("XDG_CONFIG_HOME")) or user / ".config"
    data = _absolute(environ.get("XDG_DATA_HOME")) or user / ".local" / "share"
    runtime = _absolute(environ.get("XDG_RUNTIME_DIR"))
    run = runtime / "gotapi" if runtime else data / "gotapi" / "run"
    return Paths(config=config / "gotapi", data=data / "gotapi", run=run)


def _absolute(folder: str | None) -> Path | None:
    """Return a folder of the environment; a relative one is to be ignored (XDG base directory)."""
    path = Path(folder or "")
    return path if path.is_absolute() else None
