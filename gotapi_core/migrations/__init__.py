"""The history of the database schema: one line of revisions, shipped with the hub.

To change the schema: change `gotapi_core/store/tables.py`, add `versions/NNNN_what.py` with
`revision`, `down_revision` (the number before) and `upgrade()`, and set `HEAD`. There is no way
back down; an older release refuses a newer database. The tests compare the migrated schema with
the tables.
"""

from __future__ import annotations

from typing import Final

HEAD: Final = "0004"
"""The newest revision; known here so that start-up need not import Alembic to compare."""
