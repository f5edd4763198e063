"""`gotapi describe`, and the committed documents."""

import json
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner
from openapi_spec_validator import OpenAPIV31SpecValidator

from gotapi_core.cli import main
from gotapi_core.host.loader import find_plugins, load

ROOT = Path(__file__).parents[2]
DOCUMENTED = ("creation", "portrayal", "printer")
BUNDLED = [found.manifest.id for found in find_plugins() if found.manifest.id in DOCUMENTED]
AGAIN = "run `make api` and commit docs/api"


def describe(*words: str) -> str:
    answer = CliRunner().invoke(main, ["describe", *words])
    assert answer.exit_code == 0, answer.output
    return answer.stdout


def bundled() -> list[str]:
    return [word for name in BUNDLED for word in ("--plugin", name)]


@pytest.mark.parametrize("name", ["openapi", "asyncapi"])
def test_the_committed_document_is_what_the_hub_answers(name: str) -> None:
    committed = (ROOT / "docs" / "api" / f"{name}.json").read_text()
    assert committed == describe(name, *bundled()), f"docs/api/{name}.json is old: {AGAIN}"


def test_the_committed_document_has_every_bundled_route() -> None:
    document = json.loads((ROOT / "docs" / "api" / "openapi.json").read_text())
    assert not list(OpenAPIV31SpecValidator(document).iter_errors())
    for found in find_plugins():
        kind = load(found).plugin_type
        if found.manifest.id in BUNDLED:
            assert kind is not None
            for route in kind.routes:
                if route.path:
                    continue  # a surface has a protocol of its own
                for method in route.methods:
                    assert method.lower() in document["paths"][route.name.uri]


def test_the_schema_is_one() -> None:
    document = json.loads(describe("schema", *bundled()))
    jsonschema.Draft202012Validator.check_schema(document)
    status = {"$ref": "#/$defs/StatusResult", "$defs": document["$defs"]}
    validator = jsonschema.Draft202012Validator(status)
    assert list(validator.iter_errors({"3dp": {"online": "perhaps"}}))
    assert "#/components/" not in json.dumps(document)


def test_a_plugin_that_is_not_there() -> None:
    answer = CliRunner().invoke(main, ["describe", "openapi", "--plugin", "nothing"])
    assert answer.exit_code == 2
    assert "installed are: " in answer.output
