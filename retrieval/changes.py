"""Whether anything changed on which it depends what people may search.

Each statement that changes documents, versions, collections, grants, memberships, teams or accounts leaves a
row, by a trigger, in its own transaction; some take the rows that they find away. So two statements that see
the same rows see the same of those tables, and a list of what somebody may see stays right until the rows are
others. Rows have no number that could come again: neither a transaction that ends late nor a restored backup
looks like what was before.
"""

# For a statement that reads what depends on it, or is asked before it in the same snapshot.
STATE = """
(SELECT sha256(string_agg(uuid_send(change.id), '' ORDER BY change.id)) FROM retrieval_change AS change)
"""
