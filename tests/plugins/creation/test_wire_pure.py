"""The words of 3DCAPI know neither sockets nor clocks."""

from pathlib import Path

import gotapi_creation.wire


def test_every_module_of_the_wire_says_that_it_is_pure():
    folder = Path(gotapi_creation.wire.__file__).parent
    for path in folder.glob("*.py"):
        assert "PURE." in path.read_text().splitlines()[0], path.name
