"""The broker that is made of tables in the portal's own database, where no other one is named."""

from typing import Any

from portal.celery import app


def make_broker_tables(database_url: str) -> None:
    """Make the broker's tables where they are missing.

    It comes before any process uses them: two that make them at once fail, and the portal's role may not.
    """
    url = "sqla+" + database_url.replace("://", "+psycopg://", 1)
    with app.connection_for_write(url) as broker:
        channel: Any = broker.default_channel
        session = channel.session  # opening it makes the tables
        session.close()
        session.get_bind().dispose()
