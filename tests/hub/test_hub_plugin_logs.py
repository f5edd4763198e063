"""The last lines of each plug-in: whose they are, how many, and nothing secret."""

import logging
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gotapi_core.plugin.manifest import Manifest
from gotapi_core.plugin_logs import MAX_LINES, MAX_TEXT, PluginLogs, without_secrets


@pytest.fixture
def logs() -> Iterator[PluginLogs]:
    logs = PluginLogs()
    logs.know(Manifest(id="lamp", name="Lamps", version="1", module="lamps_of_a_test.plugin"))
    logs.know(Manifest(id="core", name="Core", version="1", module="gotapi_core.x"))
    logging.getLogger().addHandler(logs)
    yield logs
    logging.getLogger().removeHandler(logs)


def texts(logs: PluginLogs, plugin_id: str = "lamp") -> list[str]:
    return [one.text for one in logs.of(plugin_id)]


def test_lines_are_kept_by_the_plugin_they_are_of(logs: PluginLogs) -> None:
    logging.getLogger("gotapi.plugin.lamp").warning("given %s", "logger")
    logging.getLogger("gotapi.plugin.lamp.socket").error("below it")
    logging.getLogger("lamps_of_a_test.bulb").warning("of its package")
    logging.getLogger("gotapi.plugin.other").warning("of a plug-in nobody knows")
    logging.getLogger("gotapi_core.hub").warning("of the hub")
    assert texts(logs) == ["given logger", "below it", "of its package"]
    assert [one.level for one in logs.of("lamp")] == ["WARNING", "ERROR", "WARNING"]
    assert texts(logs, "other") == texts(logs, "core") == []


def test_there_are_never_more_than_the_last(logs: PluginLogs) -> None:
    logger = logging.getLogger("gotapi.plugin.lamp")
    for number in range(MAX_LINES + 5):
        logger.warning("%d %s", number, "x" * 5000)
    kept = texts(logs)
    assert len(kept) == MAX_LINES
    assert kept[0].startswith("5 x")
    assert max(map(len, kept)) == MAX_TEXT


def test_an_error_is_told_and_a_wrong_format_is_no_trouble(logs: PluginLogs) -> None:
    logger = logging.getLogger("gotapi.plugin.lamp")
    try:
        raise ValueError("no bulb")
    except ValueError:
        logger.exception("it is dark")
    logs.handle(logging.LogRecord("gotapi.plugin.lamp", 30, "", 1, "%d bulbs", ("x",), None))
    assert texts(logs) == ["it is dark: ValueError: no bulb", "%d bulbs"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("password=hunter2 was wrong", "password=*** was wrong"),
        ('{"secureToken": "s3cr3t", "id": 1}', '{"secureToken": "***", "id": 1}'),
        ("GET /x?access_token=abc&y=1", "GET /x?access_token=***&y=1"),
        ("at https://me:pass@printer/path", "at https://***@printer/path"),
        ("api-key: 12345", "api-key: ***"),
        ("the printer has no token", "the printer has no token"),
    ],
)
def test_what_looks_secret_is_left_out(text: str, shown: str) -> None:
    assert without_secrets(text) == shown


@given(st.text(max_size=300))
def test_any_line_can_be_shown(text: str) -> None:
    assert "hunter2" not in without_secrets(f"{text} password=hunter2")
