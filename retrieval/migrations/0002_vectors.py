"""The narrow table of vectors, partitioned by generation, in SQL because Django has no partitions."""

from django.db import migrations

CREATE = """
CREATE EXTENSION IF NOT EXISTS vector;
CREATE TABLE retrieval_vector (
    generation_id bigint NOT NULL REFERENCES retrieval_generation (id) DEFERRABLE INITIALLY DEFERRED,
    collection_id bigint NOT NULL,
    version_id bigint NOT NULL,
    ordinal integer NOT NULL,
    embedding halfvec NOT NULL,
    PRIMARY KEY (generation_id, collection_id, version_id, ordinal)
) PARTITION BY LIST (generation_id);
"""
DROP = "DROP TABLE retrieval_vector;"


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0001_initial")]
    operations = [migrations.RunSQL(CREATE, DROP)]
