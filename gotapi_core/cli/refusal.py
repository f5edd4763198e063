"""How `gotapi run` says that the hub cannot start."""

import click

EX_CONFIG = 78  # sysexits.h: something is configured so that the hub cannot start


class Refusal(click.ClickException):
    """The hub cannot start; the message says what to do."""

    exit_code = EX_CONFIG
