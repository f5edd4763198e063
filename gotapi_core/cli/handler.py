"""`gotapi install-handler`: makes launch URIs work on a Linux desktop."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from gotapi_core.protocol.launch import SCHEMES

FILE_NAME = "gotapi-open.desktop"
_TOOL_TIME = 20.0  # seconds for xdg-mime; it starts a few programs of the desktop


@click.command(name="install-handler")
@click.option("--remove", is_flag=True, help="Take the entry away again.")
def install_handler(remove: bool) -> None:
    """Make gotapi://, dconnect:// and 3dcapi:// addresses open `gotapi open` (Linux desktops).

    Writes a desktop entry for your user and makes it the default with xdg-mime, where that is
    there. For Windows and macOS see docs/launch.md.
    """
    if sys.platform != "linux":
        raise click.ClickException(
            "Only Linux desktops are set up by this command; docs/launch.md has the way for others"
        )
    entry = _folder() / FILE_NAME
    if remove:
        _remove(entry)
        _forget_defaults(_config() / "mimeapps.list")
    else:
        _install(entry, _command())
    _run("update-desktop-database", [str(entry.parent)])


def desktop_entry(command: Sequence[str]) -> str:
    """Return the text of the entry that opens launch URIs with a command."""
    types = "".join(f"x-scheme-handler/{scheme};" for scheme in SCHEMES)
    words = " ".join(_quoted(word) for word in command)
    return (
        "[Desktop Entry]\nType=Application\nName=gotapi-hub\n"
        "Comment=Open launch addresses of the hub\n"
        f"Exec={words} open %u\nNoDisplay=true\nTerminal=false\nMimeType={types}\n"
    )


def _install(entry: Path, command: Sequence[str]) -> None:
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        entry.write_text(desktop_entry(command), encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{entry} cannot be written: {error.strerror}") from error
    click.echo(f"Wrote {entry}")
    for scheme in SCHEMES:
        _run("xdg-mime", ["default", FILE_NAME, f"x-scheme-handler/{scheme}"])


def _remove(entry: Path) -> None:
    try:
        entry.unlink()
    except FileNotFoundError:
        click.echo(f"{entry} is not there")
    except OSError as error:
        raise click.ClickException(f"{entry} cannot be removed: {error.strerror}") from error
    else:
        click.echo(f"Removed {entry}")


def _forget_defaults(chosen: Path) -> None:
    """Take our lines out of the user's list of default programs; xdg-mime cannot."""
    ours = {f"x-scheme-handler/{scheme}={FILE_NAME}" for scheme in SCHEMES}
    try:
        lines = chosen.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if line.strip().rstrip(";") not in ours]
        if kept != lines:
            chosen.write_text("".join(kept), encoding="utf-8")
            click.echo(f"Removed our lines from {chosen}")
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError) as error:
        click.echo(f"{chosen} still names {FILE_NAME}: {error}")


def _run(tool: str, words: Sequence[str]) -> None:
    path = shutil.which(tool)
    if path is None:
        click.echo(f"{tool} is not installed; skipped: {tool} {' '.join(words)}")
        return
    try:
        done = subprocess.run([path, *words], timeout=_TOOL_TIME, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        click.echo(f"{tool} failed: {error}")
        return
    click.echo(f"{'Ran' if done.returncode == 0 else 'Failed'}: {tool} {' '.join(words)}")


def _command() -> list[str]:
    """Return how this very installation is called from anywhere."""
    script = Path(sys.argv[0]).absolute()
    if script.name == "gotapi" and os.access(script, os.X_OK):
        return [str(script)]
    return [sys.executable, "-m", "gotapi_core"]


def _quoted(word: str) -> str:
    # Desktop Entry Specification, "The Exec key": these are escaped inside quotes, and each
    # backslash twice because the value is a string; a percent sign is doubled.
    for character in '\\"`$':
        word = word.replace(character, "\\\\" + character)
    return '"' + word.replace("%", "%%") + '"'


def _folder() -> Path:
    return _base("XDG_DATA_HOME", ".local/share") / "applications"


def _config() -> Path:
    return _base("XDG_CONFIG_HOME", ".config")


def _base(variable: str, default: str) -> Path:
    given = Path(os.environ.get(variable) or "")
    home = Path(os.environ.get("HOME") or "~").expanduser()
    return given if given.is_absolute() else home / default
