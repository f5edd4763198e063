"""What the console says for the hub in Japanese is what the hub says in English."""

import re
from pathlib import Path

from gotapi_core.host.loader import find_plugins, load
from gotapi_core.protocol.errors import ResultCode
from gotapi_creation.wire.codes import Code

ROOT = Path(__file__).parents[2]
TABLE = (ROOT / "web" / "console" / "parts" / "said.ts").read_text()
KNOWN = set(re.findall(r'^  "([^"]+[^ "])":', TABLE, re.MULTILINE))
BEFORE = set(re.findall(r'^  "([^"]+ )":', TABLE, re.MULTILINE))


def test_every_text_is_one_that_the_hub_says() -> None:
    folders = ("gotapi_core", "plugins")
    files = [path for name in folders for path in (ROOT / name).rglob("*.py")]
    source = "\n".join(path.read_text() for path in files)
    assert {text for text in KNOWN if f'"{text}"' not in source} == set()
    assert len(KNOWN) > 20
    assert {text for text in BEFORE if f'f"{text}{{' not in source} == set()
    assert len(BEFORE) > 3


def test_every_code_of_a_refusal_has_a_meaning() -> None:
    table = (ROOT / "web" / "console" / "parts" / "refusals.ts").read_text()
    codes = {int(code) for code in re.findall(r'^  (\d+): "', table, re.MULTILINE)}
    assert codes > {code for code in ResultCode if code}
    assert codes > {code for code in Code if code}


def test_what_the_users_consent_to_is_said_in_their_language() -> None:
    bundled = [load(one) for one in find_plugins() if one.bundled]
    assert {words for one in bundled for words in one.profiles.values()} <= KNOWN
