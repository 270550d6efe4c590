"""Postings are kept by the block, eight bytes for each passage; those that are there are packed.

All that BM25 needs is in the key's index, so a search reads no row of the table. The visibility map that this
rests on is kept by vacuum: here after a fiftieth of new rows, not a fifth.
"""

import django.db.models.deletion
from django.db import migrations, models

# As in retrieval/postings.py on the day of this migration: int8send and its like write in network order.
PACK = """
INSERT INTO retrieval_postingblock (collection_id, term, version_id, first, entries)
SELECT collection_id, term, version_id, min(ordinal),
       string_agg(int4send(ordinal) || int2send(frequency) || int2send(length), '' ORDER BY ordinal)
FROM (
    SELECT *, (row_number() OVER (PARTITION BY collection_id, term, version_id ORDER BY ordinal) - 1) / 128
              AS block
    FROM retrieval_posting
) AS posting
GROUP BY collection_id, term, version_id, block
"""
_KEY = """
ALTER TABLE retrieval_postingblock
    DROP CONSTRAINT retrieval_postingblock_pkey,
    ADD CONSTRAINT retrieval_postingblock_pkey PRIMARY KEY (collection_id, term, version_id, first)
        INCLUDE (entries)
"""


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0012_local_only_collections")]

    operations = [
        migrations.CreateModel(
            name="PostingBlock",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "collection_id",
                        "term",
                        "version_id",
                        "first",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("term", models.CharField(db_collation="C", max_length=64)),
                ("first", models.PositiveIntegerField(help_text="The ordinal of its first passage.")),
                ("entries", models.BinaryField()),
                (
                    "collection",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="retrieval.collection",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="retrieval.documentversion",
                    ),
                ),
            ],
        ),
        migrations.RunSQL(PACK, migrations.RunSQL.noop),
        migrations.RunSQL(_KEY, migrations.RunSQL.noop),
        migrations.RunSQL(
            "ALTER TABLE retrieval_postingblock SET (autovacuum_vacuum_insert_scale_factor = 0.02)",
            migrations.RunSQL.noop,
        ),
        migrations.AddIndex(
            model_name="postingblock",
            index=models.Index(fields=["collection", "version"], name="postingblock_version"),
        ),
        migrations.DeleteModel(name="Posting"),
    ]
