"""The SQL of hybrid search. `visible` is the access rule's own subquery; nothing is read beside it."""

COUNTS = """
WITH visible AS ({visible})
SELECT count(*), count(DISTINCT collection_id), coalesce(sum(chunk_count), 0), coalesce(sum(term_count), 0),
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

# One pass over what is visible, counted six ways. `facet` says which: the column that GROUPING leaves in.
FACETS = """
WITH visible AS ({visible}),
listed AS (
    SELECT collection.slug, collection.title, visible.language, version.media_type,
           extract(year FROM document.updated_at AT TIME ZONE %(time_zone)s)::int AS year,
           document.author, document.tags
    FROM visible
    JOIN retrieval_documentversion AS version ON version.id = visible.id
    JOIN retrieval_document AS document ON document.id = version.document_id
    JOIN retrieval_collection AS collection ON collection.id = visible.collection_id
)
SELECT CASE WHEN GROUPING(slug) = 0 THEN 'collection' WHEN GROUPING(media_type) = 0 THEN 'type'
            WHEN GROUPING(language) = 0 THEN 'language' WHEN GROUPING(author) = 0 THEN 'author'
            WHEN GROUPING(tags) = 0 THEN 'tag' ELSE 'year' END AS facet,
       coalesce(slug, media_type, language, author, array_to_string(tags, ','), year::text) AS value,
       coalesce(title, '') AS title, count(*)
FROM listed
GROUP BY GROUPING SETS ((slug, title), (media_type), (language), (year), (author), (tags))
"""

_VECTORS = """
WITH visible AS MATERIALIZED ({visible}),
best AS MATERIALIZED ({best})
SELECT collection_id, version_id, ordinal, similarity, true AS is_best FROM best
UNION ALL
SELECT vector.collection_id, vector.version_id, vector.ordinal,
       -(vector.embedding <#> %(query)s::halfvec), false
FROM unnest(%(found_versions)s::bigint[], %(found_ordinals)s::int[]) AS found (version_id, ordinal)
JOIN visible ON visible.id = found.version_id
JOIN retrieval_vector AS vector
  ON vector.generation_id = %(generation)s AND vector.collection_id = visible.collection_id
 AND vector.version_id = found.version_id AND vector.ordinal = found.ordinal
"""
_COLUMNS = """
    SELECT vector.collection_id, vector.version_id, vector.ordinal,
           -(vector.embedding <#> %(query)s::halfvec) AS similarity
"""

# Below the crossover every visible vector is compared. A filtered HNSW scan would lose most of them there.
_LOOKED_UP = """
    FROM visible
    JOIN retrieval_vector AS vector
      ON vector.generation_id = %(generation)s AND vector.collection_id = visible.collection_id
     AND vector.version_id = visible.id
    WHERE {fits}
    ORDER BY similarity DESC LIMIT %(depth)s
"""

# Where most are visible, reading all in their order is quicker than looking up each. IS TRUE keeps the
# planner, which takes what is visible for a handful, from looking them up after all.
_SCANNED = """
    FROM {partition} AS vector
    WHERE (vector.version_id IN (SELECT id FROM visible)) IS TRUE AND {fits}
    ORDER BY similarity DESC LIMIT %(depth)s
"""

_INDEX = """
    FROM {partition} AS vector
    WHERE (collection_id, version_id) IN (SELECT collection_id, id FROM visible) AND {fits}
    ORDER BY (embedding::halfvec({dimension})) <#> %(query)s::halfvec({dimension}) LIMIT %(depth)s
"""

# Few passages hold what was quoted: their vectors are looked up one by one.
_ALLOWED = """
    FROM unnest(%(allowed_versions)s::bigint[], %(allowed_ordinals)s::int[]) AS allowed (version_id, ordinal)
    JOIN visible ON visible.id = allowed.version_id
    JOIN retrieval_vector AS vector
      ON vector.generation_id = %(generation)s AND vector.collection_id = visible.collection_id
     AND vector.version_id = allowed.version_id AND vector.ordinal = allowed.ordinal
    WHERE {fits}
    ORDER BY similarity DESC LIMIT %(depth)s
"""
_NOT_BARRED = """(vector.version_id, vector.ordinal) NOT IN (
        SELECT * FROM unnest(%(barred_versions)s::bigint[], %(barred_ordinals)s::int[]))"""

_WAYS = {"looked up": _LOOKED_UP, "scanned": _SCANNED, "index": _INDEX, "allowed": _ALLOWED}


def vectors(*, visible: str, way: str, is_barred: bool, **names: str) -> str:
    """Return the statement that compares vectors: of the best by meaning, and of those found by words.

    `way` says which are compared for the best: all that are visible, looked up or scanned, those that the
    index of the partition leads to, or the allowed ones. With `is_barred`, none of those that are barred.
    """
    fits = _NOT_BARRED if is_barred else "true"
    best = (_COLUMNS + _WAYS[way]).format(fits=fits, **names)
    return _VECTORS.format(visible=visible, best=best)


# Relaxed order and a deep scan keep recall under a filter; candidates are sorted again afterwards.
INDEX_SETTINGS = """
SET LOCAL hnsw.iterative_scan = 'relaxed_order';
SET LOCAL hnsw.ef_search = 200;
SET LOCAL hnsw.max_scan_tuples = 100000;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_sort = off;
"""
