"""The SQL that compares vectors. No others are read than those of versions that search may use.

These come as bits, one for each version that there is from the first of them on to the last: asking for a bit
takes far less than building a hash of fifty thousand numbers, and a search asks for a few hundred.
"""

_IS_LISTED = """CASE WHEN vector.version_id BETWEEN %(listed_first)s::bigint AND %(listed_last)s::bigint
    THEN get_bit(%(listed_bits)s::bytea, vector.version_id - %(listed_first)s::bigint) = 1 ELSE false END"""

# Some passages by their keys, one after another: OFFSET keeps the planner, which takes each version for one
# passage, from reading all of a version for each of its passages.
_KEYS = """
    FROM unnest(%({name}_collections)s::bigint[], %({name}_versions)s::bigint[], %({name}_ordinals)s::int[])
        AS wanted (collection_id, version_id, ordinal)
    CROSS JOIN LATERAL (
        SELECT * FROM {{partition}} AS one
        WHERE one.generation_id = %(generation)s AND one.collection_id = wanted.collection_id
          AND one.version_id = wanted.version_id AND one.ordinal = wanted.ordinal
        OFFSET 0
    ) AS vector
"""
_FOUND, _ALLOWED = _KEYS.format(name="found"), _KEYS.format(name="allowed")
_VECTORS = f"""
WITH {{visible}} best AS MATERIALIZED ({{best}})
SELECT collection_id, version_id, ordinal, similarity, true AS is_best FROM best
UNION ALL
SELECT vector.collection_id, vector.version_id, vector.ordinal,
       -(vector.embedding <#> %(query)s::halfvec), false
{_FOUND} WHERE {_IS_LISTED}
"""  # noqa: S608 - constants
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

# Where most are visible, reading all in their order is quicker than looking up each.
_SCANNED = f"""
    FROM {{partition}} AS vector
    WHERE {_IS_LISTED} AND {{fits}}
    ORDER BY similarity DESC LIMIT %(depth)s
"""

_INDEX = f"""
    FROM {{partition}} AS vector
    WHERE {_IS_LISTED} AND {{fits}}
    ORDER BY (embedding::halfvec({{dimension}})) <#> %(query)s::halfvec({{dimension}}) LIMIT %(looked_at)s
"""

# The index goes on where it has found as many as it keeps in view, and finds nearer ones even then.
_BEST_OF_LOOKED_AT = """
SELECT * FROM ({looked_at}) AS looked_at ORDER BY similarity DESC LIMIT %(depth)s
"""

# Few passages hold what was quoted: their vectors are looked up one by one.
_QUOTED = f"""
    {_ALLOWED}
    WHERE {_IS_LISTED} AND {{fits}}
    ORDER BY similarity DESC LIMIT %(depth)s
"""
_NOT_BARRED = """(vector.version_id, vector.ordinal) NOT IN (
        SELECT * FROM unnest(%(barred_versions)s::bigint[], %(barred_ordinals)s::int[]))"""

_WAYS = {"looked up": _LOOKED_UP, "scanned": _SCANNED, "index": _INDEX, "allowed": _QUOTED}


def vectors(*, listed: str, way: str, is_barred: bool, **names: str) -> str:
    """Return the statement that compares vectors: of the best by meaning, and of those found by words.

    `listed` gives the versions that search may use, as rows.

    `way` says which are compared for the best: all that are visible, looked up or scanned, those that the
    index of the partition leads to, or the allowed ones. With `is_barred`, none of those that are barred.
    """
    fits = _NOT_BARRED if is_barred else "true"
    best = (_COLUMNS + _WAYS[way]).format(fits=fits, **names)
    if way == "index":
        best = _BEST_OF_LOOKED_AT.format(looked_at=best)
    visible = f"visible AS MATERIALIZED ({listed})," if way == "looked up" else ""
    return _VECTORS.format(visible=visible, best=best, partition=names["partition"])


# Relaxed order and a deep scan keep recall under a filter; candidates are sorted again afterwards.
INDEX_SETTINGS = """
SET LOCAL hnsw.iterative_scan = 'relaxed_order';
SET LOCAL hnsw.ef_search = {breadth};
SET LOCAL hnsw.max_scan_tuples = 100000;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_sort = off;
"""
RESET = "RESET enable_seqscan; RESET enable_sort"
