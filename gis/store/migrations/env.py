"""Alembic's entry: runs on the connection that `gis.store.migrate` hands over."""

from alembic import context

from gis.store.migrate import COMPARISON

context.configure(connection=context.config.attributes["connection"], **COMPARISON)
with context.begin_transaction():
    context.run_migrations()
