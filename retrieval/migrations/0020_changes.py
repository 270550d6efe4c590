"""Every change of what people may search leaves a row, by which lists of it are known to be right still."""

from django.db import migrations

_TABLES = {
    "accounts_user": "UPDATE OF is_active OR DELETE",
    "accounts_team": "UPDATE OR DELETE",
    "accounts_membership": "INSERT OR UPDATE OR DELETE",
    "retrieval_grant": "INSERT OR UPDATE OR DELETE",
    "retrieval_collection": "INSERT OR UPDATE OR DELETE",
    "retrieval_document": "INSERT OR UPDATE OR DELETE",
    "retrieval_document_narrowed_to": "INSERT OR UPDATE OR DELETE",
    "retrieval_documentversion": "INSERT OR UPDATE OR DELETE",
}
# Of twenty changes one clears away what it finds. Only a change may do so: its own row stays in their place, so
# that what was there is not there again.
_TABLE = """
CREATE TABLE retrieval_change (id uuid PRIMARY KEY DEFAULT gen_random_uuid());
CREATE FUNCTION retrieval_note_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF random() < 0.05 THEN
        DELETE FROM retrieval_change
        WHERE id IN (SELECT id FROM retrieval_change FOR UPDATE SKIP LOCKED);
    END IF;
    INSERT INTO retrieval_change DEFAULT VALUES;
    RETURN NULL;
END
$$;
INSERT INTO retrieval_change DEFAULT VALUES;
"""
_TRIGGER = """
CREATE TRIGGER note_change AFTER {events} OR TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION retrieval_note_change();
"""
_TRIGGERS = "".join(_TRIGGER.format(table=table, events=events) for table, events in _TABLES.items())
_NO_TRIGGERS = "".join(f"DROP TRIGGER note_change ON {table};" for table in _TABLES)


class Migration(migrations.Migration):
    dependencies = [("retrieval", "0019_fill_segments"), ("accounts", "0001_initial")]
    operations = [
        migrations.RunSQL(
            _TABLE + _TRIGGERS, _NO_TRIGGERS + "DROP FUNCTION retrieval_note_change; DROP TABLE retrieval_change"
        )
    ]
