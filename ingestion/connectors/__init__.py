"""How documents are fetched from where they already are: one small protocol, one module per kind of source.

Nothing here knows of Django or of the database: a connector is given its configuration and what is known
of its items, and tells what it finds. `ingestion/sources.py` does the rest.
"""
