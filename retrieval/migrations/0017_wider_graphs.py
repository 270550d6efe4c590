"""Graphs of vectors are built with more neighbours in view: of the ten nearest, one in 25 was not found.

An index that is there takes its next vectors so; a generation that is filled anew has all of them so.
"""

from django.db import migrations

_FUNCTION = """
CREATE OR REPLACE FUNCTION retrieval_add_partition(generation bigint) RETURNS void
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
        'WITH (m = 16, ef_construction = 128)', partition || '_hnsw', partition, size);
    EXECUTE format('ALTER TABLE retrieval_vector ATTACH PARTITION %I FOR VALUES IN (%s)', partition, generation);
END $$;
"""
_INDEXES = """
DO $$
DECLARE
    found regclass;
BEGIN
    FOR found IN
        SELECT index.indexrelid FROM pg_index AS index
        JOIN pg_inherits AS part ON part.inhrelid = index.indrelid
        JOIN pg_class AS class ON class.oid = index.indexrelid
        JOIN pg_am AS method ON method.oid = class.relam
        WHERE part.inhparent = 'retrieval_vector'::regclass AND method.amname = 'hnsw'
    LOOP
        EXECUTE format('ALTER INDEX %s SET (ef_construction = 128)', found);
    END LOOP;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0016_fill_words_and_phrases")]
    operations = [
        migrations.RunSQL(_FUNCTION, migrations.RunSQL.noop),
        migrations.RunSQL(_INDEXES, migrations.RunSQL.noop),
    ]
