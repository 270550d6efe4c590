"""Generations carry what is needed to embed with their models, and partitions come and go while all serves.

The application's role may change no table. These two functions work with the owner's rights and do nothing
but make and drop the partition of a generation; `prepare` lets the application call them.
"""

import django.contrib.postgres.fields
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

# A table that is attached takes a weaker lock of the whole than one that is created as a partition: searches
# and publications go on meanwhile. PLAIN storage keeps vectors in the row: a toasted vector makes an exact
# scan 25 times slower.
FUNCTIONS = """
CREATE FUNCTION retrieval_add_partition(generation bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    partition text := 'retrieval_vector_g' || generation;
    size integer;
BEGIN
    SELECT dimension INTO STRICT size FROM retrieval_generation WHERE id = generation;
    EXECUTE format(
        'CREATE TABLE %I (LIKE retrieval_vector, CHECK (generation_id = %s), CHECK (vector_dims(embedding) = %s))',
        partition, generation, size);
    EXECUTE format('ALTER TABLE %I ALTER COLUMN embedding SET STORAGE PLAIN', partition);
    EXECUTE format('CREATE INDEX %I ON %I USING hnsw ((embedding::halfvec(%s)) halfvec_ip_ops) '
        'WITH (m = 16, ef_construction = 64)', partition || '_hnsw', partition, size);
    EXECUTE format('ALTER TABLE retrieval_vector ATTACH PARTITION %I FOR VALUES IN (%s)', partition, generation);
END $$;

CREATE FUNCTION retrieval_drop_partition(generation bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM retrieval_generation WHERE id = generation AND state = 'serving') THEN
        RAISE EXCEPTION 'generation % serves', generation;
    END IF;
    EXECUTE format('DROP TABLE IF EXISTS %I', 'retrieval_vector_g' || generation);
END $$;

REVOKE ALL ON FUNCTION retrieval_add_partition(bigint), retrieval_drop_partition(bigint) FROM PUBLIC;
"""
DROP_FUNCTIONS = "DROP FUNCTION retrieval_add_partition(bigint), retrieval_drop_partition(bigint);"


def name_the_model(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Write down how the portal has embedded until now: as its settings said."""
    generations = apps.get_model("retrieval", "Generation").objects.using(editor.connection.alias)
    generations.filter(state="serving").update(
        kind="openai" if settings.EMBEDDING_BASE_URL else "local",
        base_url=settings.EMBEDDING_BASE_URL,
        revision=settings.EMBEDDING_REVISION,
    )


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0004_documents_in_documents")]
    operations = [
        migrations.RemoveConstraint(model_name="generation", name="generation_state_known"),
        migrations.AddField(
            "generation",
            "kind",
            models.CharField(
                choices=[("local", "On this machine"), ("openai", "On an OpenAI-compatible server")],
                default="local",
                max_length=10,
            ),
        ),
        migrations.AddField("generation", "base_url", models.CharField(blank=True, default="", max_length=500), preserve_default=False),
        migrations.AddField(
            "generation",
            "secret",
            models.TextField(
                blank=True, default="", help_text="The server's key, encrypted; see retrieval/secrets.py."
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            "generation",
            "max_tokens",
            models.PositiveIntegerField(
                default=0, help_text="What a server's model reads at once; 0: as the model says."
            ),
        ),
        migrations.AddField(
            "generation",
            "chunk_tokens",
            models.PositiveIntegerField(
                default=0, help_text="The longest chunk while it serves; 0: as much as the model reads."
            ),
        ),
        migrations.AddField(
            "generation",
            "probe",
            django.contrib.postgres.fields.ArrayField(
                base_field=models.FloatField(),
                default=list,
                help_text="The vector of a known text: tells another model.",
                size=None,
            ),
        ),
        migrations.AddField(
            "generation",
            "filled",
            models.PositiveBigIntegerField(default=0, help_text="Chunks that fills have embedded."),
        ),
        migrations.AddField(
            "generation",
            "fill_seconds",
            models.FloatField(default=0, help_text="How long fills have worked for that."),
        ),
        migrations.AlterField(
            "generation",
            "state",
            models.CharField(
                choices=[
                    ("filling", "Filling"),
                    ("paused", "Paused"),
                    ("ready", "Ready"),
                    ("serving", "Serving"),
                    ("retired", "Kept for flipping back"),
                ],
                default="filling",
                max_length=10,
            ),
        ),
        migrations.RunPython(name_the_model, migrations.RunPython.noop),
        migrations.RunSQL(FUNCTIONS, DROP_FUNCTIONS),
    ]
