"""What alembic runs: the connection is handed in by `gateway.directory.migrating`."""

from __future__ import annotations

from alembic import context

import gateway.directory.sign_in_tables  # noqa: F401 - declares its tables
from gateway.directory.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
