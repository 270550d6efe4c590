from django.db import migrations

_FILL = """
INSERT INTO answers_conversation (id, user_id, title, created_at, asked_at)
    SELECT id, user_id, text, created_at, created_at FROM answers_question WHERE conversation_id IS NULL;
UPDATE answers_question SET conversation_id = id WHERE conversation_id IS NULL;
"""


class Migration(migrations.Migration):
    """Each question that is there becomes a conversation by itself, with the same id."""

    dependencies = [("answers", "0003_conversations")]

    operations = [migrations.RunSQL(_FILL, migrations.RunSQL.noop)]
