"""All that BM25 needs of a posting is in its key's index, so a search reads no row of the table.

The visibility map that this rests on is kept by vacuum: here after a fiftieth of new rows, not a fifth.
"""

from django.db import migrations

_KEY = """
ALTER TABLE retrieval_posting
    DROP CONSTRAINT retrieval_posting_pkey,
    ADD CONSTRAINT retrieval_posting_pkey PRIMARY KEY (collection_id, term, version_id, ordinal){}
"""


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0007_dictionaries")]

    operations = [
        migrations.RunSQL(_KEY.format(" INCLUDE (frequency, length)"), _KEY.format("")),
        migrations.RunSQL(
            "ALTER TABLE retrieval_posting SET (autovacuum_vacuum_insert_scale_factor = 0.02)",
            "ALTER TABLE retrieval_posting RESET (autovacuum_vacuum_insert_scale_factor)",
        ),
    ]
