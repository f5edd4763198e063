"""The command `gotapi create`."""

import asyncio
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import click

from gotapi_core.cli.consent import exit_code, url_option
from gotapi_core.cli.terminal import INTERRUPTED
from gotapi_core.client import DEFAULT_URL, HubError, HubUnreachable
from gotapi_creation.create.report import BarReport, JsonReport, Report
from gotapi_creation.create.wish import EXAMPLE, Unfit, Wish, check
from gotapi_creation.engine.order import HEIGHTS, View

_picture = click.Path(path_type=Path)


@click.command()
@click.option("--front", required=True, type=_picture, help="The drawing of the front.")
@click.option("--right", type=_picture, help="The drawing of the figure's own right side.")
@click.option("--back", type=_picture, help="The drawing of the back.")
@click.option("-o", "--output", "outputs", required=True, multiple=True, type=_picture,
              help=f"Where the model goes: {EXAMPLE}. May be given several times.")  # fmt: skip
@click.option("--template", default="human", show_default=True,
              help="What the figure is like: human, elf, orc, or a template's name.")  # fmt: skip
@click.option("--height", default=100.0, show_default=True, type=click.FloatRange(*HEIGHTS),
              help="Height of the model in millimetres.")  # fmt: skip
@click.option("--foot", is_flag=True, help="Let it stand on a round plate.")
@click.option("--paper", default="", metavar="#RRGGBB", help="The colour of the paper.")
@click.option("--service", default="", help="Name or id of the hub's creation service.")
@click.option("--here", is_flag=True, help="Make it without a hub, even if one runs.")
@click.option("--replace", is_flag=True, help="Write over a model that is there already.")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object per line.")
@url_option
@click.pass_context
def create(
    context: click.Context,
    front: Path,
    right: Path | None,
    back: Path | None,
    outputs: tuple[Path, ...],
    template: str,
    height: float,
    foot: bool,
    paper: str,
    service: str,
    here: bool,
    replace: bool,
    as_json: bool,
    url: str,
) -> None:
    """Make a 3D model of a drawn figure.

    One drawing is enough; a second one of the right side gives the depth, and a third one of the
    back its colours. Draw on white paper or on nothing, the whole figure, not touching the edge.

    A running hub makes it, after you allowed that once; without a hub it is made at once.

    Exit codes: 0 made, 1 failed, 2 wrong use, 3 no hub, 4 no consent, 130 left with Ctrl-C.
    """
    given = {View.FRONT: front, View.RIGHT: right, View.BACK: back}
    pictures = {view: path for view, path in given.items() if path is not None}
    wish = Wish(pictures, outputs, template, height, foot, paper)
    asked = context.get_parameter_source("url") is not click.core.ParameterSource.DEFAULT
    must = bool(service) or asked or url != DEFAULT_URL
    context.exit(
        _perform(wish, _report(as_json), url, service, here=here, must=must, replace=replace)
    )


def _report(as_json: bool) -> Report:
    if as_json:
        return JsonReport()
    return BarReport() if sys.stdout.isatty() else Report()


def _perform(
    wish: Wish, report: Report, url: str, service: str, *, here: bool, must: bool, replace: bool
) -> int:
    with report:
        try:
            check(wish, replace=replace)
            message, code = _made(wish, report, url, service, here=here, must=must), 0
        except Unfit as error:
            message, code = str(error), error.code
        except HubError as error:
            message, code = str(error), exit_code(error)
        except KeyboardInterrupt:
            message, code = "Given up; nothing was written", INTERRUPTED
        report.ended(message, code)
    return code


def _made(wish: Wish, report: Report, url: str, service: str, *, here: bool, must: bool) -> str:
    from gotapi_creation.create import by_hub, direct  # late: --help needs neither

    if not here:
        try:
            return _run(by_hub.make(wish, report, url, service))
        except HubUnreachable:
            if must:  # the user named this hub
                raise
    return _run(direct.make(wish, report))


def _run(work: Coroutine[Any, Any, str]) -> str:
    return asyncio.run(work)
