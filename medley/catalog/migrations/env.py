"""Alembic's entry point: runs on the connection that migrate.py hands over."""

from alembic import context

from medley.catalog.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
