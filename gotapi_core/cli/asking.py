"""Asks the running hub, as its operator."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import httpx2

from gotapi_core.cli.running import Note, running
from gotapi_core.paths import Paths, default_paths, paths_under

_TIMEOUT = 30.0  # seconds; approving a plug-in waits for its start, which may take 10

home_option = click.option(
    "--home", type=click.Path(path_type=Path, file_okay=False), help="The hub's folder."
)


class Refused(click.ClickException):
    """The hub refused; `status` is that of HTTP."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def paths_of(home: Path | None) -> Paths:
    """Return where the hub keeps its files."""
    return paths_under(home) if home else default_paths()


def ask(
    method: str, what: str, body: Mapping[str, object] | None = None, home: Path | None = None
) -> Any:
    """Return the JSON of the operator API's answer; raises ClickException."""
    paths = paths_of(home)
    note = running(paths.lock)
    if note is None:
        raise click.ClickException(
            f"No hub runs in {paths.data}; start one with: gotapi run (and give the same --home)"
        )
    answer = _request(note, paths, method, what, body)
    if answer.status_code >= 400:
        raise Refused(_error_of(answer), answer.status_code)
    return answer.json()


def _request(
    note: Note, paths: Paths, method: str, what: str, body: Mapping[str, object] | None
) -> httpx2.Response:
    try:
        return httpx2.request(
            method,
            f"{note.url}/operator/api/{what}",
            json=body,
            headers={"Authorization": f"Bearer {_secret(paths)}"},
            timeout=_TIMEOUT,
            trust_env=False,
        )
    except httpx2.HTTPError as error:
        raise click.ClickException(f"The hub at {note.url} does not answer: {error}") from error


def _secret(paths: Paths) -> str:
    try:
        return paths.operator_secret.read_text(encoding="ascii").strip()
    except OSError as error:
        raise click.ClickException(
            f"{paths.operator_secret} cannot be read: {error.strerror}. Only the user who runs the "
            "hub may decide"
        ) from error


def _error_of(answer: httpx2.Response) -> str:
    try:
        return str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        return f"The hub answered {answer.status_code}"
