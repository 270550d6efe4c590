"""Posting lists belong to segments, which are merged; the one of each version has the version's number.

Blocks leave the database as they are: PLAIN keeps it from packing and unpacking the long ones. Those of a
term are read in one go, whatever their collections.
"""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

_COLUMNS = """
ALTER TABLE retrieval_postingblock RENAME COLUMN version_id TO segment_id;
ALTER INDEX postingblock_version RENAME TO postingblock_segment;
ALTER TABLE retrieval_postingblock ALTER COLUMN entries SET STORAGE PLAIN;
ALTER TABLE retrieval_postingblock
    DROP CONSTRAINT retrieval_postingblock_pkey,
    ADD CONSTRAINT retrieval_postingblock_pkey PRIMARY KEY (term, collection_id, segment_id, first)
        INCLUDE (entries)
"""


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0017_wider_graphs")]

    operations = [
        migrations.CreateModel(
            name="Segment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("places", models.PositiveIntegerField(help_text="How many it was written with.")),
                ("written_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "collection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="retrieval.collection"
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="documentversion",
            name="segment",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="versions",
                to="retrieval.segment",
            ),
        ),
        migrations.AddField(
            model_name="documentversion",
            name="first_place",
            field=models.PositiveIntegerField(
                default=0,
                help_text="Of its first passage in the segment; the others follow in their order.",
            ),
        ),
        migrations.AddIndex(
            model_name="documentversion",
            index=models.Index(
                fields=["id"],
                include=("chunk_count", "term_count", "segment", "first_place"),
                name="version_searched",
            ),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(_COLUMNS)],
            state_operations=[
                migrations.DeleteModel(name="PostingBlock"),
                migrations.CreateModel(
                    name="PostingBlock",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "term",
                                "collection_id",
                                "segment_id",
                                "first",
                                blank=True,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        ("term", models.CharField(db_collation="C", max_length=64)),
                        ("first", models.PositiveIntegerField(help_text="The place of its first passage.")),
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
                            "segment",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="retrieval.segment",
                            ),
                        ),
                    ],
                    options={
                        "indexes": [
                            models.Index(fields=["collection", "segment"], name="postingblock_segment")
                        ],
                    },
                ),
            ],
        ),
    ]
