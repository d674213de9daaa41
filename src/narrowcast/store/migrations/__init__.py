"""Alembic scripts; `narrowcast.store.database` runs them when the schema is behind."""
