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
       coalesce(array_agg(DISTINCT language), '{{}}'){also}
FROM visible
"""

# The dictionaries that apply: the portal's, and those of the collections that are searched.
SYNONYMS = """,
       (SELECT coalesce(json_agg(json_build_array(entry.collection_id, entry.words)
                                 ORDER BY entry.id), '[]')
        FROM retrieval_synonyms AS entry
        WHERE entry.keys && %(keys)s::varchar[]
          AND (entry.collection_id IS NULL OR entry.collection_id IN (SELECT collection_id FROM visible)))
"""

# One pass over what is visible, counted four ways. `facet` says which: the column that GROUPING leaves in.
FACETS = """
WITH visible AS ({visible}),
listed AS (
    SELECT collection.slug, collection.title, visible.language, version.media_type,
           extract(year FROM document.updated_at AT TIME ZONE %(time_zone)s)::int AS year
    FROM visible
    JOIN retrieval_documentversion AS version ON version.id = visible.id
    JOIN retrieval_document AS document ON document.id = version.document_id
    JOIN retrieval_collection AS collection ON collection.id = visible.collection_id
)
SELECT CASE WHEN GROUPING(slug) = 0 THEN 'collection' WHEN GROUPING(media_type) = 0 THEN 'type'
            WHEN GROUPING(language) = 0 THEN 'language' ELSE 'year' END AS facet,
       coalesce(slug, media_type, language, year::text) AS value, coalesce(title, '') AS title, count(*)
FROM listed
GROUP BY GROUPING SETS ((slug, title), (media_type), (language), (year))
"""

# The planner takes what is visible for a handful. IS TRUE keeps it from looking up each term in each visible
# version: whole lists are read by collection and term, and checked against a hash of the versions. They come
# from the index alone. Hits are tens of thousands where words are common, so each step is cheap for a row:
# terms are numbers, weights are in one array, and nothing is computed in numeric.
_LEXICAL = """
statistics AS MATERIALIZED (
    SELECT sum(chunk_count)::float8 AS passages,
           greatest(sum(term_count)::float8 / greatest(sum(chunk_count), 1), 1) AS average_length
    FROM visible
),
hit AS MATERIALIZED (
    SELECT posting.collection_id, posting.version_id, posting.ordinal,
           asked.number, posting.frequency, posting.length
    FROM (SELECT DISTINCT collection_id FROM visible) AS readable
    JOIN unnest(%(terms)s::text[], %(numbers)s::int[], %(only_in)s::bigint[]) AS asked (term, number, only_in)
      ON coalesce(asked.only_in, readable.collection_id) = readable.collection_id
    JOIN retrieval_posting AS posting
      ON posting.collection_id = readable.collection_id AND posting.term = asked.term
    WHERE (posting.version_id IN (SELECT id FROM visible)) IS TRUE
),
found AS MATERIALIZED (SELECT number, count(*)::float8 AS found FROM hit GROUP BY number),
weight AS MATERIALIZED (
    SELECT array_agg(coalesce(ln(1 + (passages - found + 0.5) / (found + 0.5)), 0) ORDER BY number) AS idf,
           min(%(k1)s::float8 * (1 - %(b)s::float8)) AS base,
           min(%(k1)s::float8 * %(b)s::float8 / average_length) AS slope
    FROM generate_series(1, cardinality(%(terms)s::text[])) AS asked (number)
    LEFT JOIN found USING (number) CROSS JOIN statistics
),
lexical AS MATERIALIZED (
    SELECT version_id, ordinal, min(collection_id) AS collection_id,
           sum((SELECT idf FROM weight)[number] * frequency
               / (frequency + (SELECT base FROM weight) + (SELECT slope FROM weight) * length)) AS bm25
    FROM hit
    WHERE {hit_fits}
    GROUP BY version_id, ordinal
),
best_lexical AS MATERIALIZED (
    SELECT collection_id, version_id, ordinal, bm25 FROM lexical
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
    WHERE {vector_fits}
    ORDER BY vector.embedding <#> %(query)s::halfvec, collection_id, version_id, ordinal LIMIT %(depth)s
)
"""

_DENSE_INDEX = """
best_dense AS MATERIALIZED (
    SELECT collection_id, version_id, ordinal
    FROM {partition} AS vector
    WHERE (collection_id, version_id) IN (SELECT collection_id, id FROM visible) AND {vector_fits}
    ORDER BY (embedding::halfvec({dimension})) <#> %(query)s::halfvec({dimension}) LIMIT %(depth)s
)
"""

# Few passages hold what was quoted: their vectors are looked up one by one.
_DENSE_ALLOWED = """
best_dense AS MATERIALIZED (
    SELECT vector.collection_id, vector.version_id, vector.ordinal
    FROM allowed
    JOIN visible ON visible.id = allowed.version_id
    JOIN retrieval_vector AS vector
      ON vector.generation_id = %(generation)s AND vector.collection_id = visible.collection_id
     AND vector.version_id = allowed.version_id AND vector.ordinal = allowed.ordinal
    WHERE {vector_fits}
    ORDER BY vector.embedding <#> %(query)s::halfvec, collection_id, version_id, ordinal LIMIT %(depth)s
)
"""

_ALLOWED = """
allowed AS MATERIALIZED (
    SELECT * FROM unnest(%(allowed_versions)s::bigint[], %(allowed_ordinals)s::int[])
        AS allowed (version_id, ordinal)
)
"""

# Words count in the language of the collection: what is a word's stem in one is another word in the next.
_BARRED = """
barred AS MATERIALIZED (
    SELECT posting.version_id, posting.ordinal
    FROM (SELECT DISTINCT collection_id, language FROM visible) AS readable
    JOIN unnest(%(barred_terms)s::text[], %(barred_languages)s::text[]) AS barred (term, language)
      ON barred.language = readable.language
    JOIN retrieval_posting AS posting
      ON posting.collection_id = readable.collection_id AND posting.term = barred.term
    WHERE (posting.version_id IN (SELECT id FROM visible)) IS TRUE
    UNION
    SELECT * FROM unnest(%(barred_versions)s::bigint[], %(barred_ordinals)s::int[])
)
"""

# The nearest by meaning get their BM25 score by one pass over what has one, against a hash of them: the
# planner cannot know how many passages share a word with the question, and a join becomes a nested loop.
_FUSE = """,
scored AS (
    SELECT min(collection_id) AS collection_id, version_id, ordinal, max(bm25) AS bm25
    FROM (
        SELECT collection_id, version_id, ordinal, bm25 FROM best_lexical
        UNION ALL
        SELECT collection_id, version_id, ordinal, bm25 FROM lexical
        WHERE ((version_id, ordinal) IN (SELECT version_id, ordinal FROM best_dense)) IS TRUE
        UNION ALL
        SELECT collection_id, version_id, ordinal, 0 FROM best_dense
    ) AS both_sides
    GROUP BY version_id, ordinal
)
SELECT scored.collection_id, scored.version_id, scored.ordinal, scored.bm25,
       -(vector.embedding <#> %(query)s::halfvec) AS similarity,
       (SELECT count(*) FROM best_dense) AS dense_found
FROM scored
JOIN retrieval_vector AS vector
  ON vector.generation_id = %(generation)s AND vector.collection_id = scored.collection_id
 AND vector.version_id = scored.version_id AND vector.ordinal = scored.ordinal
"""

_DENSE = {"exact": _DENSE_EXACT, "index": _DENSE_INDEX, "allowed": _DENSE_ALLOWED}


def hybrid(*, visible: str, dense: str, is_barred: bool, **names: str) -> str:
    """Return the statement of a search; `dense` says which vectors are compared: exact, index or allowed.

    With allowed, only the passages of that name are found; with `is_barred`, none of those that are barred.
    """
    steps = [_VISIBLE, _LEXICAL, _DENSE[dense]]
    fits = []
    if dense == "allowed":
        steps.insert(1, _ALLOWED)
        fits.append("({row}.version_id, {row}.ordinal) IN (SELECT version_id, ordinal FROM allowed)")
    if is_barred:
        steps.insert(1, _BARRED)
        fits.append("({row}.version_id, {row}.ordinal) NOT IN (SELECT version_id, ordinal FROM barred)")
    condition = " AND ".join(fits) or "true"
    return ("WITH" + ",".join(steps) + _FUSE).format(
        visible=visible,
        hit_fits=condition.format(row="hit"),
        vector_fits=condition.format(row="vector"),
        **names,
    )


# Relaxed order and a deep scan keep recall under a filter; candidates are sorted again afterwards.
INDEX_SETTINGS = """
SET LOCAL hnsw.iterative_scan = 'relaxed_order';
SET LOCAL hnsw.ef_search = 200;
SET LOCAL hnsw.max_scan_tuples = 100000;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_sort = off;
"""
