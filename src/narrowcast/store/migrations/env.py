"""Alembic's environment: runs on the engine that `open_database` hands over, in one transaction."""

from alembic import context

from narrowcast.store.tables import Base


def run() -> None:
    engine = context.config.attributes["engine"]
    with engine.begin() as connection:
        # Of two simultaneous first commands, the second waits here, then finds that nothing is left to do.
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN EXCLUSIVE")
        context.configure(connection=connection, target_metadata=Base.metadata, transactional_ddl=True)
        with context.begin_transaction():
            context.run_migrations()


run()
