"""The hooks: each has a test that names it, and is a specification that pluggy accepts."""

import ast
import inspect
from pathlib import Path

import pluggy
import pytest

from gotapi_core.plugin import hookspecs

HOOKS = [name for name, _ in inspect.getmembers(hookspecs, inspect.isfunction) if "gotapi_" in name]
TESTS = Path(__file__).parents[1]


def _test_names() -> set[str]:
    names: set[str] = set()
    for file in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                names.add(node.name)
    return names


def test_there_are_six_hooks() -> None:
    assert HOOKS == [
        "gotapi_authorize",
        "gotapi_commands",
        "gotapi_on_state",
        "gotapi_plugins",
        "gotapi_profiles",
        "gotapi_settings",
    ]


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_tested_by_name(hook: str) -> None:
    named = [name for name in _test_names() if name.startswith("test_") and hook in name]
    assert named, f"no test has {hook} in its name: write one that sees the hub call it"


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_a_specification_with_a_docstring(hook: str) -> None:
    plugins = pluggy.PluginManager(hookspecs.PROJECT)
    plugins.add_hookspecs(hookspecs)
    assert getattr(plugins.hook, hook).spec is not None
    assert inspect.getdoc(getattr(hookspecs, hook))


@pytest.mark.parametrize("hook", HOOKS)
def test_a_specification_is_never_called(hook: str) -> None:
    function = getattr(hookspecs, hook)
    arguments = dict.fromkeys(inspect.signature(function).parameters, "")
    with pytest.raises(AssertionError, match="never called"):
        function(**arguments)
