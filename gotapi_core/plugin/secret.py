"""How a plug-in's settings mark what nobody is to see. PURE."""

from typing import Annotated

import msgspec

Secret = Annotated[str, msgspec.Meta(extra_json_schema={"writeOnly": True})]
"""A text that the console and the commands never show: `password: Secret = ""`.

Other types are marked alike, by `writeOnly` in the JSON schema of their `msgspec.Meta`.
"""
