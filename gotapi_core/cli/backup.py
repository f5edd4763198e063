"""`gotapi backup` and `gotapi restore`: all that a hub keeps, in one file and back."""

import time
from pathlib import Path
from typing import TextIO

import click
from rich.filesize import decimal

from gotapi_core.backup import (
    BackupError,
    Manifest,
    open_backup,
    save_backup,
    undo_cut_off,
)
from gotapi_core.backup import restore as put_back
from gotapi_core.cli import running
from gotapi_core.cli.asking import home_option, paths_of
from gotapi_core.cli.plugins_approval import plain
from gotapi_core.paths import Paths

_file = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))


@click.command()
@_file
@click.option("--with-keys", is_flag=True, help="Put the keys of TLS and of signed links in, too.")
@click.option("--without", multiple=True, metavar="ID", help="Leave out this plug-in's folder.")
@click.option("--replace", is_flag=True, help="Replace FILE where it is there already.")
@home_option
def backup(
    file: Path, with_keys: bool, without: tuple[str, ...], replace: bool, home: Path | None
) -> None:
    """Write all that the hub keeps to FILE, a ZIP archive. The hub may run."""
    paths = paths_of(home)
    try:
        made = save_backup(
            paths,
            file,
            time.time(),
            keys=with_keys,
            without=frozenset(without),
            replace=replace,
        )
    except BackupError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Wrote {file}: {_content(made)}.")
    click.echo("Keep it as you keep a password: who has it can learn what proves applications.")
    if not with_keys:
        click.echo("The hub's own keys are not in it; --with-keys puts them in.")


@click.command()
@_file
@click.option("--check", is_flag=True, help="Only check that FILE is whole.")
@home_option
def restore(file: Path, check: bool, home: Path | None) -> None:
    """Put the hub's files of FILE in the place of those that are there. The hub must not run.

    What is there now is moved aside, so nothing is lost.
    """
    try:
        if check:
            with open_backup(file) as opened:
                opened.check()
            click.echo(f"{file} is whole: {_content(opened.manifest)}.")
            return
        _restore(paths_of(home), file)
    except (BackupError, OSError) as error:
        said = error.strerror if isinstance(error, OSError) else str(error)
        raise click.ClickException(plain(f"{file}: {said}")) from error


def _restore(paths: Paths, file: Path) -> None:
    with open_backup(file):  # what is no backup should not even make the hub's folders
        pass
    paths.prepare()
    with _lock(paths):
        if undo_cut_off(paths):
            click.echo("A restore that was cut off has been undone first.")
        done = put_back(paths, file, time.time())
    click.echo(f"Restored {_content(done.manifest)}.")
    for folder in done.aside:
        click.echo(f"What was there before is in {folder}")
    click.echo("Applications are approved as they were then; look with: gotapi apps list")
    click.echo("Now start the hub: gotapi run")


def _lock(paths: Paths) -> TextIO:
    try:
        return running.take(paths.lock)
    except running.FolderInUse as holder:
        raise BackupError(
            f"the folder {paths.data} is in use by {holder}; stop that hub first"
        ) from None


def _content(made: Manifest) -> str:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(made.created))
    count = len(made.entries)
    return plain(
        f"{count} files, {decimal(made.size)} unpacked, of {when} by gotapi-hub {made.hub}"
    )
