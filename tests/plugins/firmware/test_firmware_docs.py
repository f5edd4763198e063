"""The page on ports and firmwares says what the tables say."""

from pathlib import Path

import pytest

from gotapi_printer.marlin import DIALECTS
from gotapi_printer.usb_table import BAUDS

PAGE = (Path(__file__).parents[3] / "docs" / "printer-ports.md").read_text()
TRUTH = {True: "yes", False: "no"}


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=lambda dialect: dialect.name)
def test_each_family_has_its_row(dialect):
    cells = [
        dialect.title,
        TRUTH[dialect.verifies],
        TRUTH[dialect.counts],
        TRUTH[dialect.says_busy],
        TRUTH[dialect.pipelines],
        TRUTH[dialect.resets],
        f"`{dialect.revive}`" if dialect.revive else "a reset",
    ]
    assert f"| {' | '.join(cells)} |" in PAGE


def test_the_speeds_are_in_their_order():
    assert ", ".join(map(str, BAUDS)) in PAGE
