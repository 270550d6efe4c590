"""Whether anything changed on which it depends what people may search.

Each statement that changes documents, versions, collections, grants, memberships, teams or accounts leaves a
row here, by a trigger, in its own transaction. So two statements that see the same rows here see the same of
those, and a list of what somebody may see stays right until the rows are others. Rows have no number that
could come again: neither a transaction that ends late nor a restored backup looks like what was before.
"""

from django.db import connection

# For a statement that reads what depends on it, or is asked before it in the same snapshot.
STATE = """
(SELECT sha256(string_agg(uuid_send(change.id), '' ORDER BY change.id)) FROM retrieval_change AS change)
"""
_FEW = 100  # that nobody needs to clear away: it makes all lists be read anew
_FORGET = """
DELETE FROM retrieval_change
WHERE (SELECT count(*) FROM retrieval_change) > %s
  AND id <> (SELECT id FROM retrieval_change ORDER BY at DESC LIMIT 1)
"""


def forget_changes() -> None:
    """Clear away what has gathered: each search reads it."""
    with connection.cursor() as cursor:
        cursor.execute(_FORGET, [_FEW])
