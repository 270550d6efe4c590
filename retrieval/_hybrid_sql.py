"""The SQL of hybrid search. `visible` is the access rule's own subquery; nothing is read beside it.

BM25 in Lucene's form: sum over terms of
ln(1 + (N - df + 0.5) / (df + 0.5)) * tf / (tf + k1 * (1 - b + b * dl / avgdl)).
N, df and avgdl are those of the passages that the person may see, so a hidden document changes no score.
"""

_VISIBLE = """
visible AS MATERIALIZED ({visible})
"""

COUNTS = """
WITH visible AS ({visible})
SELECT count(*), count(DISTINCT collection_id), coalesce(sum(chunk_count), 0),
       coalesce(array_agg(DISTINCT language), '{{}}')
FROM visible
"""

STILL_VISIBLE = "WITH visible AS ({visible}) SELECT id FROM visible WHERE id = ANY(%(wanted)s)"

# The planner takes what is visible for a handful. IS TRUE keeps it from looking up each term in each visible
# version: whole lists are read by collection and term, and checked against a hash of the versions.
_LEXICAL = """
statistics AS MATERIALIZED (
    SELECT sum(chunk_count)::float8 AS passages,
           greatest(sum(term_count)::float8 / greatest(sum(chunk_count), 1), 1) AS average_length
    FROM visible
),
hit AS MATERIALIZED (
    SELECT posting.collection_id, posting.version_id, posting.ordinal,
           posting.term, posting.frequency, posting.length
    FROM (SELECT DISTINCT collection_id FROM visible) AS readable
    CROSS JOIN unnest(%(terms)s::text[]) AS asked (term)
    JOIN retrieval_posting AS posting
      ON posting.collection_id = readable.collection_id AND posting.term = asked.term
    WHERE (posting.version_id IN (SELECT id FROM visible)) IS TRUE
),
weight AS MATERIALIZED (
    SELECT term, ln(1 + (passages - found + 0.5) / (found + 0.5)) AS idf
    FROM (SELECT term, count(*)::float8 AS found FROM hit GROUP BY term) AS counted CROSS JOIN statistics
),
lexical AS MATERIALIZED (
    SELECT collection_id, version_id, ordinal,
           sum(idf * frequency / (frequency + %(k1)s * (1 - %(b)s + %(b)s * length / average_length))) AS bm25
    FROM hit JOIN weight USING (term) CROSS JOIN statistics
    GROUP BY collection_id, version_id, ordinal
),
best_lexical AS (
    SELECT collection_id, version_id, ordinal FROM lexical
    ORDER BY bm25 DESC, collection_id, version_id, ordinal LIMIT %(depth)s
)
"""

# Below the crossover every visible vector is compared. A filtered HNSW scan would lose most of them there.
_DENSE_EXACT = """
best_dense AS MATERIALIZED (
    SELECT vector.collection_id, vector.version_id, vector.ordinal
    FROM visible
    JOIN retrieval_vector AS vector
      ON vector.generation_id = %(generation)s AND vector.collection_id = visible.collection_id
     AND vector.version_id = visible.id
    ORDER BY vector.embedding <#> %(query)s::halfvec, collection_id, version_id, ordinal LIMIT %(depth)s
)
"""

_DENSE_INDEX = """
best_dense AS MATERIALIZED (
    SELECT collection_id, version_id, ordinal
    FROM {partition} AS vector
    WHERE (collection_id, version_id) IN (SELECT collection_id, id FROM visible)
    ORDER BY (embedding::halfvec({dimension})) <#> %(query)s::halfvec({dimension}) LIMIT %(depth)s
)
"""

# Candidates meet their BM25 score in one grouping: the planner cannot know how many passages share a word
# with the question, and a join here becomes a nested loop over all of them.
_FUSE = """,
candidate AS (SELECT * FROM best_lexical UNION SELECT * FROM best_dense),
scored AS (
    SELECT collection_id, version_id, ordinal, max(bm25) AS bm25
    FROM (
        SELECT collection_id, version_id, ordinal, bm25, false AS wanted FROM lexical
        UNION ALL
        SELECT collection_id, version_id, ordinal, 0, true FROM candidate
    ) AS both_sides
    GROUP BY collection_id, version_id, ordinal
    HAVING bool_or(wanted)
)
SELECT scored.collection_id, scored.version_id, scored.ordinal, scored.bm25,
       -(vector.embedding <#> %(query)s::halfvec) AS similarity,
       (SELECT count(*) FROM best_dense) AS dense_found
FROM scored
JOIN retrieval_vector AS vector
  ON vector.generation_id = %(generation)s AND vector.collection_id = scored.collection_id
 AND vector.version_id = scored.version_id AND vector.ordinal = scored.ordinal
"""

EXACT = "WITH" + ",".join((_VISIBLE, _LEXICAL, _DENSE_EXACT)) + _FUSE
INDEXED = "WITH" + ",".join((_VISIBLE, _LEXICAL, _DENSE_INDEX)) + _FUSE

# Relaxed order and a deep scan keep recall under a filter; candidates are sorted again afterwards.
INDEX_SETTINGS = """
SET LOCAL hnsw.iterative_scan = 'relaxed_order';
SET LOCAL hnsw.ef_search = 200;
SET LOCAL hnsw.max_scan_tuples = 100000;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_sort = off;
"""
