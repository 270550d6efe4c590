"""Each version that has postings has a segment of its own; the first merge joins them."""

from django.db import migrations

FILL = """
INSERT INTO retrieval_segment (id, collection_id, places, written_at)
SELECT version.id, block.collection_id, version.chunk_count, now()
FROM (SELECT DISTINCT collection_id, segment_id FROM retrieval_postingblock) AS block
JOIN retrieval_documentversion AS version ON version.id = block.segment_id;
SELECT setval(pg_get_serial_sequence('retrieval_segment', 'id'), max(id))
FROM retrieval_segment HAVING max(id) > 0;
UPDATE retrieval_documentversion AS version SET segment_id = segment.id
FROM retrieval_segment AS segment WHERE segment.id = version.id
"""


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0018_segments")]
    operations = [migrations.RunSQL(FILL, migrations.RunSQL.noop)]
