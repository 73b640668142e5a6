# Alembic runs this file for each command.

# It works on the connection it is given, in the transaction that is open.

from alembic import context

from lingate.server.store.tables import metadata

connection = context.config.attributes.get("connection")
if connection is None:
    raise SystemExit("run migrations by starting the gateway, or through lingate.server.store.migrate")

context.configure(
    connection=connection,
    target_metadata=metadata,
    compare_type=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
