"""The durable store: what was acknowledged is on the disk.

One database (SQLite unless a PostgreSQL URL is given) on one worker thread. `Store.run` returns
only after COMMIT; `Documents` keeps small bodies for plug-ins and the hub.
"""

from __future__ import annotations

from gotapi_core.store.database import Store
from gotapi_core.store.documents import Documents
from gotapi_core.store.failures import StoreError
from gotapi_core.store.tables import metadata

__all__ = ["Documents", "Store", "StoreError", "metadata"]
