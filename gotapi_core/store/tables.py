"""All tables of the hub, in one MetaData.

A change here needs a migration in `gotapi_core/migrations/versions`; a test compares the two.
Times are seconds since 1970 (UTC) as the hub's clock said.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

# Explicit names: a later migration can only drop a constraint that has a name it knows.
NAMING: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

metadata: Final = MetaData(naming_convention=NAMING)

documents: Final = Table(
    "documents",
    metadata,
    # The creation order. SQLite counts up only an INTEGER key, which is 64 bits wide there.
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("collection", String(64), nullable=False),
    Column("key", String(256), nullable=False),
    Column("size", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    UniqueConstraint("owner", "collection", "key"),
    sqlite_autoincrement=True,  # a key put again after its deletion is the newest, always
)
"""Small bodies that plug-ins and the hub keep; `owner` is the plug-in's id."""

blobs: Final = Table(
    "blobs",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("name", String(255), nullable=False),
    Column("content_type", String(255), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("created", Double, nullable=False),
    Column("path", String(1024), nullable=False),
    Column("plugin", String(64), nullable=False, server_default=""),
    Index(None, "owner"),
    Index(None, "created"),
)
"""Files that were uploaded or made. `owner` is the application that may use it; `plugin` is who
published it for that one, empty where it was uploaded; `sha256` is lower-case hex; `path` is
relative to the blob folder."""

uploads: Final = Table(
    "uploads",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("name", String(255), nullable=False),
    Column("content_type", String(255), nullable=False),
    Column("length", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("metadata", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("unchecked_from", BigInteger, nullable=True),
    Index(None, "owner"),
)
"""Files on their way in. How much is there is the size of the file itself; `unchecked_from` is
set while bytes are added whose checksum has not been compared: from there on they do not count.
`sha256` is what the client announced, or empty; a whole file moves to `blobs` under the same id."""

clients: Final = Table(
    "clients",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("origin", String(255), nullable=False),
    Column("created", Double, nullable=False),
)
"""Clients that were approved at least once; `digest` is the SHA-256 of the clientId."""

applications: Final = Table(
    "applications",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("client", LargeBinary(32), ForeignKey("clients.digest"), nullable=False),
    Column("name", String(255), nullable=False),
    Column("asked", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("expires", Double, nullable=False),
    Column("remembered", Boolean, nullable=False),
    Column("collect_by", Double, nullable=True),
    Column("last_used", Double, nullable=True),
    Column("hmac_key", String(512), nullable=True),
    Column("hmac_encoding", String(8), nullable=True),
    Index(None, "client"),
)
"""What the operator approved, one row an approval. `asked` and `scopes` are comma lists: what the
application wanted and what it got. `collect_by` is set until the first token was given out."""

tokens: Final = Table(
    "tokens",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column(
        "application", String(16), ForeignKey("applications.id", ondelete="CASCADE"), nullable=False
    ),
    Column("scopes", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("expires", Double, nullable=False),
    Index(None, "application"),
)
"""Access tokens; `digest` is the SHA-256 of the token, which itself is stored nowhere."""

uses: Final = Table(
    "uses",
    metadata,
    Column(
        "application",
        String(16),
        ForeignKey("applications.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("route", String(200), primary_key=True),
    Column("calls", BigInteger, nullable=False),
    Column("first", Double, nullable=False),
    Column("last", Double, nullable=False),
)
"""What applications did, a row per day (since 1970) and route; a bounded number of each."""

launch_keys: Final = Table(
    "launch_keys",
    metadata,
    Column("origin", String(255), primary_key=True),
    Column("value", String(512), nullable=False),
    Column("encoding", String(8), nullable=False),
    Column("created", Double, nullable=False),
)
"""The HMAC keys that launch URIs brought, by origin."""
